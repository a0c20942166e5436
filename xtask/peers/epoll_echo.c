/*
 * Echo as a plain loop over epoll(7): one recv and one send per event, one buffer for all, no framework. It is the
 * yardstick: whatever a library costs more than this is the library's.
 *
 * `epoll_echo address:port` serves until it is killed. Its first line says where it listens.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES (256 << 10)
#define EVENTS_MAX 1024
#define BACKLOG 4096
#define DESCRIPTORS_MAX 65536

/* What a peer would not take at once; while there is any, nothing more is read from it. */
struct rest {
	char *bytes;
	size_t length;
	size_t sent;
};

static char buffer[BUFFER_BYTES];
static struct rest rests[DESCRIPTORS_MAX];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void watch(int poll, int how, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };
	if (epoll_ctl(poll, how, fd, &event) < 0)
		fail("epoll_ctl");
}

static void forget(int fd)
{
	free(rests[fd].bytes);
	rests[fd] = (struct rest){ 0 };
	close(fd);
}

static void take_in(int poll, int listener)
{
	int on = 1;
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EAGAIN)
				return;
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			fail("accept4");
		}
		if (fd >= DESCRIPTORS_MAX) {
			close(fd);
			continue;
		}
		if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
			fail("TCP_NODELAY");
		watch(poll, EPOLL_CTL_ADD, fd, EPOLLIN);
	}
}

/* How much the peer took; -1 when it has gone. */
static ssize_t send_some(int fd, const char *bytes, size_t length)
{
	ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return sent;
}

static void keep(int poll, int fd, const char *bytes, size_t length)
{
	struct rest *rest = &rests[fd];
	rest->bytes = malloc(length);
	if (!rest->bytes)
		fail("malloc");
	memcpy(rest->bytes, bytes, length);
	rest->length = length;
	rest->sent = 0;
	watch(poll, EPOLL_CTL_MOD, fd, EPOLLOUT);
}

static void send_rest(int poll, int fd)
{
	struct rest *rest = &rests[fd];
	ssize_t sent = send_some(fd, rest->bytes + rest->sent, rest->length - rest->sent);
	if (sent < 0) {
		forget(fd);
		return;
	}
	rest->sent += sent;
	if (rest->sent == rest->length) {
		free(rest->bytes);
		*rest = (struct rest){ 0 };
		watch(poll, EPOLL_CTL_MOD, fd, EPOLLIN);
	}
}

static void echo(int poll, int fd)
{
	ssize_t came = recv(fd, buffer, sizeof buffer, 0);
	if (came < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (came <= 0) {
		forget(fd);
		return;
	}
	ssize_t sent = send_some(fd, buffer, came);
	if (sent < 0)
		forget(fd);
	else if (sent < came)
		keep(poll, fd, buffer + sent, came - sent);
}

static int listen_at(const char *address)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t length = sizeof at;
	char ip[INET_ADDRSTRLEN];
	int port, on = 1;
	if (sscanf(address, "%15[0-9.]:%d", ip, &port) != 2 || inet_pton(AF_INET, ip, &at.sin_addr) != 1) {
		fprintf(stderr, "not an address: %s\n", address);
		exit(1);
	}
	at.sin_port = htons(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fail("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, BACKLOG) < 0)
		fail(address);
	getsockname(fd, (struct sockaddr *)&at, &length);
	printf("%s:%d\n", ip, ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

int main(int count, char **arguments)
{
	static struct epoll_event events[EVENTS_MAX];
	int listener = listen_at(count > 1 ? arguments[1] : "127.0.0.1:0");
	int poll = epoll_create1(EPOLL_CLOEXEC);
	if (poll < 0)
		fail("epoll_create1");
	watch(poll, EPOLL_CTL_ADD, listener, EPOLLIN);
	for (;;) {
		int ready = epoll_wait(poll, events, EVENTS_MAX, -1);
		if (ready < 0 && errno != EINTR)
			fail("epoll_wait");
		for (int i = 0; i < ready; i++) {
			int fd = events[i].data.fd;
			if (fd == listener)
				take_in(poll, listener);
			else if (rests[fd].bytes)
				send_rest(poll, fd);
			else
				echo(poll, fd);
		}
	}
}
