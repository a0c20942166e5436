//! The model `Processes`. Its workers are the running program begun anew, so this one has a `main` of its own instead of
//! libtest's: it runs each behaviour in a process for it alone, whose workers are begun with the same arguments and so come to
//! the same start. In a worker nothing of a behaviour runs behind that.

#![allow(clippy::unwrap_used, clippy::print_stdout)]
#![cfg_attr(not(target_os = "linux"), allow(unused))]

#[cfg(target_os = "linux")]
mod place;
#[cfg(target_os = "linux")]
mod secured;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("there are no worker processes on this system");
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    on_linux::main()
}

#[cfg(target_os = "linux")]
mod on_linux {
    use std::cell::Cell;
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs::{self, File, OpenOptions};
    use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
    use std::net::{Shutdown, TcpStream};
    use std::os::unix::net::UnixStream;
    use std::path::PathBuf;
    use std::process::{Command, ExitCode, Stdio, exit};
    use std::sync::LazyLock;
    use std::time::Duration;

    use throng_server::model::PerWorker;
    use throng_server::{
        Conn, ConnInfo, End, Event, Limits, LocalHandler, Peer, Processes, Rejected, Server, StartError,
        State, Timeouts, Tls, Worker, Workers, worker_number, worker_or_continue,
    };

    use crate::place::{
        PATIENCE, Place, echo, hear, hear_all, hear_out, knock, numbered, open, reset, talk, until,
    };
    use crate::secured::Authority;

    /// Which behaviour a process is for. Its arguments, and so its workers', are these two.
    const BEHAVE: &str = "--behave";

    /// No behaviours, but the other sides of some: to tell whether the process is a worker, and to serve until it is killed.
    const WHAT_IT_IS: &str = "tell_what_it_is";
    const SERVE_ON: &str = "serve_until_killed";

    /// A folder that a behaviour and its workers share.
    const FOLDER: &str = "THRONG_TEST_FOLDER";

    /// A `main` that does not begin as it must.
    const FORGETFUL: &str = "THRONG_TEST_FORGETFUL";

    const FLOOD_BYTES: usize = 32 << 20;

    static FLOOD: LazyLock<Vec<u8>> = LazyLock::new(|| numbered(FLOOD_BYTES));

    /// What one worker has. Nobody else can reach it.
    struct Obeys {
        visitors: Cell<u64>,
        number: usize,
    }

    fn obeys(worker: &Worker) -> Obeys {
        Obeys { visitors: Cell::new(0), number: worker.index() }
    }

    impl LocalHandler for Obeys {
        async fn setup(&self, _conn: &mut Conn) -> throng_server::Result {
            self.visitors.set(self.visitors.get() + 1);
            Ok(())
        }

        async fn serve(&self, mut conn: Conn) -> throng_server::Result {
            let mut lines = conn.lines(1 << 16);
            while let Some(line) = conn.read_line(&mut lines).await? {
                let answer = match line {
                    b"who serves" => std::process::id().to_string().into_bytes(),
                    b"who am I" => format!("{} {:?}", conn.peer().address, conn.peer().proxy).into_bytes(),
                    b"how many" => format!("{} of worker {}", self.visitors.get(), self.number).into_bytes(),
                    b"which thread" => format!("{:?}", std::thread::current().name()).into_bytes(),
                    b"done" => return Ok(()),
                    b"fail" => return Err("no such page".into()),
                    b"panic" => panic!("a handler panics, as this test wants it to"),
                    b"abort" => std::process::abort(),
                    b"exit" => exit(7),
                    b"begin another" => begin_another(),
                    b"flood" => {
                        conn.write_all(&FLOOD).await?;
                        continue;
                    }
                    b"deaf" => {
                        conn.write_all(&numbered(1 << 16)).await?;
                        return Ok(());
                    }
                    b"hold all up" => {
                        conn.write_all(b"held\n").await?;
                        until("it is let go", || folder().join("go").exists());
                        b"gone".to_vec()
                    }
                    b"protect" => {
                        conn.protect();
                        line.to_vec()
                    }
                    _ => line.to_vec(),
                };
                conn.write_all(&[&answer[..], b"\n"].concat()).await?;
            }
            if conn.is_draining() {
                conn.write_all(b"closing\n").await?;
            }
            Ok(())
        }

        fn finish(&self, _conn: &ConnInfo, end: &End) {
            let mut book =
                OpenOptions::new().create(true).append(true).open(folder().join("finished")).unwrap();
            book.write_all(format!("{}\n", end.name()).as_bytes()).unwrap();
        }

        fn rejected(&self, _peer: &Peer, _why: Rejected) -> &[u8] {
            b"too many\n"
        }
    }

    /// This program, begun by a worker as any other would be: with its environment, and not with its standard input.
    fn begin_another() -> Vec<u8> {
        let mut another = Command::new(std::env::current_exe().unwrap());
        another.args([BEHAVE, WHAT_IT_IS]).output().unwrap().stdout
    }

    fn folder() -> PathBuf {
        std::env::var_os(FOLDER).unwrap().into()
    }

    /// How handlers were finished, in all workers.
    fn finished() -> Vec<String> {
        let book = fs::read_to_string(folder().join("finished")).unwrap_or_default();
        book.lines().map(str::to_owned).collect()
    }

    fn server(workers: usize) -> Server<PerWorker<Obeys>> {
        Server::local(obeys).model(Processes { workers: Workers::Count(workers) })
    }

    fn limited(workers: usize, limits: Limits) -> Server<PerWorker<Obeys>> {
        server(workers).limits(limits)
    }

    /// Asks, and hears a line.
    #[track_caller]
    fn ask(client: &mut TcpStream, question: &str) -> String {
        say(client, question);
        let mut answer = Vec::new();
        let mut byte = [0];
        while client.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
            answer.push(byte[0]);
        }
        String::from_utf8(answer).unwrap()
    }

    fn say(client: &mut TcpStream, line: &str) {
        client.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// A client that is served: it was answered.
    #[track_caller]
    fn served(place: &Place) -> TcpStream {
        let mut client = place.client();
        assert_eq!(ask(&mut client, "here"), "here");
        client
    }

    /// The process that serves it.
    #[track_caller]
    fn pid_of(client: &mut TcpStream) -> u32 {
        ask(client, "who serves").parse().unwrap()
    }

    /// The next worker that ends: its process, how, and when it comes back.
    #[track_caller]
    fn next_worker_ended(place: &Place) -> (Option<u32>, String, Option<Duration>) {
        loop {
            if let Event::WorkerEnded { pid, how, restart_in, .. } = place.next_event() {
                return (pid, how, restart_in);
            }
        }
    }

    /// So many workers serve.
    fn until_up(place: &Place, count: usize) {
        until("all workers are up", || place.running.processes().len() == count);
    }

    /// A number of a process in the kernel's table (proc(5), /proc/pid/stat), counted from what follows its name: 1 is its
    /// parent, 2 its group.
    fn number_of(pid: u32, at: usize) -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(at)?.parse().ok()
    }

    /// The processes that this one has begun and that are not waited for: zombies as well.
    fn children() -> Vec<u32> {
        let me = std::process::id();
        let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            (number_of(pid, 1)? == me).then_some(pid)
        });
        processes.collect()
    }

    fn descriptors() -> usize {
        fs::read_dir("/proc/self/fd").unwrap().count()
    }

    fn what_is_said_comes_back_whole_however_much_it_is() {
        let place = open(server(2));
        let mut client = served(&place);
        for byte in b"a byte at a time\n" {
            client.write_all(&[*byte]).unwrap();
        }
        assert_eq!(hear(&mut client, 17), "a byte at a time\n");
        say(&mut client, "flood");
        let mut heard = vec![0; FLOOD.len()];
        client.read_exact(&mut heard).unwrap();
        assert!(heard == *FLOOD);
        let mut deaf = place.client();
        say(&mut deaf, &format!("deaf\n{}", "x".repeat(200_000)));
        assert!(hear_all(&mut deaf) == numbered(1 << 16));
        say(&mut client, "two\r\nin one\nand the last without an");
        client.write_all(b"end").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(hear_all(&mut client), b"two\nin one\nand the last without an\nend\n");
        place.end();
    }

    fn clients_are_spread_over_the_workers_and_each_has_a_count_of_its_own() {
        let place = open(server(2));
        assert_eq!(place.running.model(), "processes");
        let mut clients: Vec<_> = (0..6).map(|_| served(&place)).collect();
        let pids: BTreeSet<u32> = clients.iter_mut().map(pid_of).collect();
        assert_eq!(pids, place.running.processes().into_iter().collect());
        assert!(pids.len() == 2 && !pids.contains(&std::process::id()), "{pids:?}");
        // Ctrl-C is for the first process alone.
        let group = number_of(std::process::id(), 2);
        assert!(pids.iter().all(|pid| number_of(*pid, 2) == Some(*pid) && group != Some(*pid)));
        let counts: BTreeSet<_> = clients.iter_mut().map(|client| ask(client, "how many")).collect();
        assert_eq!(counts, ["3 of worker 0", "3 of worker 1"].map(str::to_owned).into());
        let workers: Vec<_> = place.running.conns().iter().map(|conn| conn.worker).collect();
        assert_eq!(workers, [0, 1, 0, 1, 0, 1]);
        let threads: BTreeSet<_> = clients.iter_mut().map(|client| ask(client, "which thread")).collect();
        assert_eq!(
            threads,
            [r#"Some("throng-worker-0")"#, r#"Some("throng-worker-1")"#].map(str::to_owned).into()
        );
        place.end();
    }

    fn a_crowd_that_comes_and_goes_is_counted_once_each() {
        const CLIENTS: usize = 20;
        const VISITS: usize = 20;
        let place = open(server(2));
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    for _ in 0..VISITS {
                        let mut client = place.client();
                        talk(&mut client, "hello\n");
                        client.shutdown(Shutdown::Write).unwrap();
                        assert_eq!(hear_all(&mut client), b"");
                    }
                });
            }
        });
        let visits = (CLIENTS * VISITS) as u64;
        until("all have left", || place.open_count() == 0);
        let stats = place.running.stats();
        assert_eq!((stats.accepted, stats.ended["peer_closed"]), (visits, visits));
        assert_eq!((stats.bytes_in, stats.bytes_out), (6 * visits, 6 * visits));
        assert_eq!(finished().len(), CLIENTS * VISITS);
        place.end();
    }

    fn every_connection_ends_in_its_own_way_and_its_handler_is_finished_once() {
        let place = open(server(2));
        for (asked, expected) in [("done", "done"), ("panic", "panicked")] {
            let mut client = served(&place);
            say(&mut client, asked);
            assert!(hear_out(&mut client).1, "{asked}");
            drop(client);
            assert_eq!(place.next_end().name(), expected);
        }
        let mut client = served(&place);
        say(&mut client, "fail");
        assert!(hear_out(&mut client).1);
        drop(client);
        assert_eq!(place.next_end(), End::Failed("no such page".to_owned()));
        drop(served(&place));
        assert_eq!(place.next_end(), End::PeerClosed);
        reset(served(&place));
        assert_eq!(place.next_end(), End::PeerReset);
        let mut client = served(&place);
        assert!(place.running.kill(place.running.conns()[0].id));
        hear_out(&mut client);
        assert_eq!(place.next_end(), End::Kicked);
        let mut stuck = served(&place);
        say(&mut stuck, "flood");
        assert_eq!(stuck.read(&mut [0; 8]).unwrap(), 8);
        assert!(place.running.kill(place.running.conns()[0].id));
        assert_eq!(place.next_end(), End::Kicked);
        let expected = ["done", "panicked", "failed", "peer_closed", "peer_reset", "kicked", "kicked"];
        assert_eq!(finished(), expected);
        place.end();
    }

    fn the_total_holds_over_all_workers() {
        let place = open(limited(2, Limits { total: 3, ..Limits::default() }));
        let inside: Vec<_> = (0..3).map(|_| served(&place)).collect();
        let mut waits = place.client();
        say(&mut waits, "and me");
        until("one waits", || place.running.waiting() == Some(1));
        assert_eq!(place.open_count(), 3);
        drop(inside);
        assert_eq!(hear(&mut waits, 7), "and me\n");
        place.end();
    }

    fn the_limit_of_an_address_holds_over_all_workers_and_places_come_back() {
        let limits = Limits { total: 2, per_address: 1, per_address_loopback: true, ..Limits::default() };
        let place = open(limited(2, limits));
        let mut first = served(&place);
        for _ in 0..10 {
            // Each has the last place in all, so the next is let in when this one was let go of.
            assert_eq!(hear_all(&mut place.client()), b"too many\n");
        }
        assert_eq!(place.running.stats().rejected, 10);
        assert_eq!(ask(&mut first, "fine"), "fine");
        place.end();
    }

    fn a_pause_refuses_and_a_resume_takes_at_the_same_port() {
        let place = open(server(2));
        let mut old = served(&place);
        place.running.pause(throng_server::Pause::Refuse).unwrap();
        assert_eq!(TcpStream::connect(place.address()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(ask(&mut old, "still here"), "still here");
        place.running.resume().unwrap();
        let mut new = served(&place);
        assert_eq!(ask(&mut new, "how many"), "1 of worker 1");
        place.end();
    }

    fn a_drain_ends_the_idle_answers_the_busy_and_waits_for_no_other() {
        let place = open(server(2));
        let (mut idle, mut busy) = (served(&place), served(&place));
        busy.write_all(b"half a ques").unwrap();
        until("half of it was read", || place.running.conns().iter().any(|conn| conn.bytes_in == 16));
        let drain = place.running.drain(PATIENCE);
        assert_eq!(hear_all(&mut idle), b"closing\n");
        assert_eq!(place.running.state(), State::Draining);
        say(&mut busy, "tion");
        assert_eq!(hear_all(&mut busy), b"half a question\nclosing\n");
        drop((idle, busy));
        let report = drain.wait();
        assert_eq!((report.finished, report.cut), (2, 0));
        assert_eq!(finished(), ["drained", "drained"]);
        assert_eq!(place.running.state(), State::Closed);
        assert_eq!(place.running.processes(), []);
    }

    fn a_drain_cuts_who_is_protected_at_its_deadline_and_finishes_him() {
        let place = open(server(2));
        let mut stays = served(&place);
        assert_eq!(ask(&mut stays, "protect"), "protect");
        let report = place.running.drain(Duration::from_millis(1)).wait();
        assert_eq!((report.finished, report.cut), (0, 1));
        hear_out(&mut stays);
        assert_eq!(place.next_end(), End::Drained);
        assert_eq!(finished(), ["drained"]);
    }

    fn silence_and_strangers_time_out() {
        let timeouts = Timeouts { idle: Some(Duration::from_millis(1)), ..Timeouts::default() };
        let place = open(server(2).timeouts(timeouts));
        assert_eq!(hear_out(&mut place.client()).0, b"");
        assert_eq!(place.next_end(), End::TimedOut);
        assert_eq!(finished(), ["timed_out"]);
        place.end();
    }

    fn a_worker_that_aborts_ends_its_own_clients_only_and_comes_back() {
        let place = open(server(2));
        let (mut first, mut second, mut third) = (served(&place), served(&place), served(&place));
        let (dying, living) = (pid_of(&mut first), pid_of(&mut second));
        assert_eq!(pid_of(&mut third), dying);
        say(&mut first, "abort");
        hear_out(&mut first);
        hear_out(&mut third);
        for _ in 0..2 {
            let End::Failed(why) = place.next_end() else { panic!("it failed") };
            assert!(why.starts_with("its worker ended: signal: 6"), "{why}");
        }
        let (pid, how, restart_in) = next_worker_ended(&place);
        assert_eq!((pid, restart_in), (Some(dying), Some(Duration::ZERO)));
        assert!(how.starts_with("signal: 6"), "{how}");
        assert_eq!(pid_of(&mut second), living);
        until_up(&place, 2);
        let mut again = served(&place);
        let reborn = pid_of(&mut again);
        assert!(reborn != dying && reborn != living);
        // It remembers nothing.
        assert_eq!(ask(&mut again, "how many"), "1 of worker 0");
        let mut last = served(&place);
        say(&mut last, "exit");
        hear_out(&mut last);
        assert_eq!(next_worker_ended(&place).1, "exit status: 7");
        place.end();
    }

    fn workers_that_keep_dying_come_back_later_and_later_and_the_others_serve_meanwhile() {
        let place = open(server(2));
        let mut steady = served(&place);
        let living = pid_of(&mut steady);
        let mut waits = Vec::new();
        for _ in 0..4 {
            until_up(&place, 2);
            // Every other client comes to the worker that has fewer.
            let mut victim = served(&place);
            assert_ne!(pid_of(&mut victim), living);
            say(&mut victim, "abort");
            hear_out(&mut victim);
            waits.push(next_worker_ended(&place).2.unwrap().as_millis());
            // While it is down, everybody comes to the one that lives.
            let is_down = || place.running.processes() == [living];
            assert_eq!(ask(&mut steady, "you?"), "you?");
            let (was_down, mut next) = (is_down(), served(&place));
            let server = pid_of(&mut next);
            assert!(server == living || !was_down || !is_down());
        }
        assert_eq!(waits, [0, 100, 200, 400]);
        place.end();
    }

    fn with_no_worker_up_clients_wait_and_are_served_by_the_next() {
        let place = open(server(1));
        for _ in 0..3 {
            let mut victim = served(&place);
            say(&mut victim, "abort");
            hear_out(&mut victim);
            let mut next = place.client();
            talk(&mut next, "hello\n");
        }
        place.end();
    }

    fn a_drain_while_a_worker_is_down_does_not_wait_for_it() {
        let place = open(server(1));
        for _ in 0..3 {
            let mut victim = served(&place);
            say(&mut victim, "abort");
            hear_out(&mut victim);
            next_worker_ended(&place);
        }
        // The next one comes in 200 ms.
        let mut waits = place.client();
        until("it waits for a worker", || place.open_count() == 1);
        assert_eq!(place.running.drain(PATIENCE).wait().cut, 0);
        hear_out(&mut waits);
        assert_eq!(place.next_end(), End::Drained);
    }

    fn a_worker_that_is_held_up_makes_the_acceptor_wait_and_loses_nobody() {
        throng_server::raise_descriptors();
        // The way holds 1,024, and the line not as many.
        const CLIENTS: usize = 1_500;
        let place = open(server(1));
        let mut holds = place.client();
        assert_eq!(ask(&mut holds, "hold all up"), "held");
        let mut crowd: Vec<_> = (0..CLIENTS).map(|_| place.client()).collect();
        crowd.iter_mut().for_each(|client| say(client, "hello"));
        until("the others wait in the kernel", || {
            place.running.waiting().is_some_and(|waiting| waiting > 0 && place.open_count() > 1_024)
        });
        let taken = place.open_count();
        assert!(taken < CLIENTS as u64, "{taken}");
        File::create(folder().join("go")).unwrap();
        for client in &mut crowd {
            assert_eq!(hear(client, 6), "hello\n");
        }
        assert_eq!(hear(&mut holds, 5), "gone\n");
        place.end();
    }

    fn a_worker_that_never_lets_go_is_killed_in_the_end() {
        let place = open(server(2));
        let mut holds = place.client();
        assert_eq!(ask(&mut holds, "hold all up"), "held");
        let other = served(&place);
        let report = place.running.drain(Duration::ZERO).wait();
        assert_eq!(report.cut, 2);
        until("none is left", || place.open_count() == 0);
        hear_out(&mut holds);
        drop(other);
    }

    fn a_server_that_is_let_go_of_ends_its_connections() {
        let place = open(server(2));
        let (mut client, address) = (served(&place), place.address());
        let Place { running, told } = place;
        drop(running);
        hear_out(&mut client);
        let ends = told.lock().unwrap().iter().filter(|event| matches!(event, Event::Closed { .. })).count();
        assert_eq!((ends, finished().len()), (1, 1));
        std::net::TcpListener::bind(address).unwrap();
    }

    fn unix_sockets_and_proxies_are_told_as_they_are() {
        let path = folder().join("socket");
        let listen = format!("unix:{}", path.display());
        let server = server(2).proxies(["127.0.0.0/8".parse().unwrap()]).listen(&listen);
        let place = open(server);
        let mut near = UnixStream::connect(&path).unwrap();
        near.write_all(b"who am I\n").unwrap();
        let mut answer = String::new();
        BufReader::new(&near).read_line(&mut answer).unwrap();
        assert_eq!(answer, "unix None\n");
        let mut far = knock(place.running.addresses()[1].tcp().unwrap());
        far.write_all(b"PROXY TCP4 192.0.2.1 192.0.2.9 1025 443\r\n").unwrap();
        let proxy = far.local_addr().unwrap();
        assert_eq!(ask(&mut far, "who am I"), format!("192.0.2.1:1025 Some(Tcp({proxy}))"));
        place.end();
    }

    fn tls_is_spoken_by_the_worker_and_known_to_the_first_process() {
        let (certificate, key) = (folder().join("server.pem"), folder().join("server.key"));
        let authority = worker_number().is_none().then(Authority::new);
        if let Some(authority) = &authority {
            authority.sign("localhost").write(&certificate, &key);
        }
        let tls = Tls::files(&certificate, &key).unwrap();
        let place = open(server(2).listen_tls("127.0.0.1:0", &tls));
        let mut client = authority.unwrap().knock(place.address(), "localhost");
        client.write_all(b"hello\n").unwrap();
        let mut heard = [0; 6];
        client.read_exact(&mut heard).unwrap();
        assert_eq!(heard, *b"hello\n");
        let is_known = || place.running.conns()[0].peer.tls().is_some_and(|tls| tls.version == "TLSv1_3");
        until("the first process knows how it is secured", is_known);
        talk(&mut knock(place.running.addresses()[1].tcp().unwrap()), "plain\n");
        place.end();
    }

    fn a_handler_that_could_be_shared_serves_too() {
        let place = open(Server::local(|_| echo).model(Processes { workers: Workers::Count(2) }));
        talk(&mut place.client(), "hello");
        place.end();
    }

    fn the_start_says_what_main_must_begin_with() {
        let Err(why) = server(2).listen("127.0.0.1:0").start() else { panic!("it started") };
        assert!(matches!(why, StartError::NoWorkerLine), "{why}");
        assert!(why.to_string().contains("throng_server::worker_or_continue();"), "{why}");
    }

    fn the_start_inside_a_runtime_is_refused() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let Err(why) = server(2).listen("127.0.0.1:0").start() else { panic!("it started") };
            assert!(matches!(why, StartError::InsideRuntime), "{why}");
        });
        // Outside it starts.
        let place = open(server(1));
        drop(served(&place));
        let Err(why) = server(1).listen("127.0.0.1:0").start() else { panic!("it started") };
        assert!(matches!(why, StartError::StartedBefore), "{why}");
        place.end();
    }

    fn a_worker_starts_nothing_else_and_one_that_ends_at_once_is_told() {
        if worker_number().is_some() {
            let why = Server::new(echo).listen("127.0.0.1:0").start().err().unwrap();
            assert!(matches!(why, StartError::InWorker { model: "events" }), "{why}");
            exit(9);
        }
        let Err(why) = server(2).listen("127.0.0.1:0").start() else { panic!("it started") };
        assert!(why.to_string().ends_with(" ended before it could serve: exit status: 9"), "{why}");
    }

    fn a_factory_that_panics_is_told() {
        let server = Server::local(|worker: &Worker| {
            assert!(worker.count() == 1, "a factory panics, as this test wants it to");
            echo
        });
        let server = server.model(Processes { workers: Workers::Count(2) });
        let Err(why) = server.listen("127.0.0.1:0").start() else { panic!("it started") };
        assert!(matches!(why, StartError::Worker { .. }), "{why}");
    }

    fn a_program_that_a_worker_begins_is_no_worker() {
        let place = open(server(1));
        assert_eq!(ask(&mut place.client(), "begin another"), "None");
        place.end();
    }

    /// The other side of the next behaviour.
    fn serve_until_killed() {
        let place = open(server(2));
        let pids = place.running.processes();
        println!("{} {} {}", place.address(), pids[0], pids[1]);
        loop {
            std::thread::park();
        }
    }

    fn workers_end_with_the_first_process_however_that_ends() {
        let mut first = Command::new(std::env::current_exe().unwrap());
        first.args([BEHAVE, SERVE_ON]).stdout(Stdio::piped());
        let mut first = first.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(first.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        let mut holds = knock(words[0]);
        assert_eq!(ask(&mut holds, "hold all up"), "held");
        let live = |pid: &str| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // One that nobody has waited for yet is dead as well.
            stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
        };
        assert!(live(words[1]) && live(words[2]));
        first.kill().unwrap();
        first.wait().unwrap();
        until("the workers have ended", || !live(words[1]) && !live(words[2]));
        hear_out(&mut holds);
    }

    type Behaviour = (&'static str, fn());

    macro_rules! behaviours {
        ($($name:ident),* $(,)?) => { &[$((stringify!($name), $name as fn())),*] };
    }

    const BEHAVIOURS: &[Behaviour] = behaviours![
        what_is_said_comes_back_whole_however_much_it_is,
        clients_are_spread_over_the_workers_and_each_has_a_count_of_its_own,
        a_crowd_that_comes_and_goes_is_counted_once_each,
        every_connection_ends_in_its_own_way_and_its_handler_is_finished_once,
        the_total_holds_over_all_workers,
        the_limit_of_an_address_holds_over_all_workers_and_places_come_back,
        a_pause_refuses_and_a_resume_takes_at_the_same_port,
        a_drain_ends_the_idle_answers_the_busy_and_waits_for_no_other,
        a_drain_cuts_who_is_protected_at_its_deadline_and_finishes_him,
        silence_and_strangers_time_out,
        a_worker_that_aborts_ends_its_own_clients_only_and_comes_back,
        workers_that_keep_dying_come_back_later_and_later_and_the_others_serve_meanwhile,
        with_no_worker_up_clients_wait_and_are_served_by_the_next,
        a_drain_while_a_worker_is_down_does_not_wait_for_it,
        a_worker_that_is_held_up_makes_the_acceptor_wait_and_loses_nobody,
        a_worker_that_never_lets_go_is_killed_in_the_end,
        a_server_that_is_let_go_of_ends_its_connections,
        unix_sockets_and_proxies_are_told_as_they_are,
        tls_is_spoken_by_the_worker_and_known_to_the_first_process,
        a_handler_that_could_be_shared_serves_too,
        the_start_says_what_main_must_begin_with,
        the_start_inside_a_runtime_is_refused,
        a_worker_starts_nothing_else_and_one_that_ends_at_once_is_told,
        a_factory_that_panics_is_told,
        a_program_that_a_worker_begins_is_no_worker,
        workers_end_with_the_first_process_however_that_ends,
    ];

    /// Behaviours whose `main` does not begin as it must.
    const FORGETFUL_ONES: [&str; 1] = ["the_start_says_what_main_must_begin_with"];

    pub(crate) fn main() -> ExitCode {
        if std::env::var_os(FORGETFUL).is_none() {
            worker_or_continue();
        }
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        match &arguments[..] {
            [behave, name] if behave == BEHAVE => {
                behave_alone(name);
                ExitCode::SUCCESS
            }
            asked => run_all(asked),
        }
    }

    /// One behaviour in this process, which then has neither a child nor a descriptor more than before.
    fn behave_alone(name: &str) {
        match name {
            WHAT_IT_IS => return print!("{:?}", worker_number()),
            SERVE_ON => return serve_until_killed(),
            _ => {}
        }
        // The first runtime of a process may make what all later ones share.
        drop(tokio::runtime::Builder::new_current_thread().enable_all().build());
        let before = descriptors();
        let (_, behaviour) = BEHAVIOURS.iter().find(|(known, _)| *known == name).unwrap();
        behaviour();
        assert_eq!(children(), [0; 0], "children are left");
        until("all descriptors are closed", || descriptors() == before);
    }

    /// Runs all behaviours whose name holds one of the words, as libtest would.
    fn run_all(asked: &[String]) -> ExitCode {
        let words: Vec<_> = asked.iter().filter(|word| !word.starts_with('-')).collect();
        let is_asked = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
        let chosen: Vec<_> = BEHAVIOURS.iter().filter(|(name, _)| is_asked(name)).collect();
        if asked.iter().any(|word| word == "--list") {
            chosen.iter().for_each(|(name, _)| println!("{name}: test"));
            return ExitCode::SUCCESS;
        }
        println!("\nrunning {} tests", chosen.len());
        let failed: BTreeMap<_, _> = chosen.iter().filter_map(|(name, _)| Some((name, run(name)?))).collect();
        for (name, said) in &failed {
            println!("\n---- {name} ----\n{said}");
        }
        let outcome = if failed.is_empty() { "ok" } else { "FAILED" };
        let passed = chosen.len() - failed.len();
        println!("\ntest result: {outcome}. {passed} passed; {} failed\n", failed.len());
        if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// Runs one in a process of its own. What it said, if it failed.
    fn run(name: &str) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args([BEHAVE, name]).env(FOLDER, folder.path()).stdin(Stdio::null());
        if FORGETFUL_ONES.contains(&name) {
            process.env(FORGETFUL, "");
        }
        let output = process.output().unwrap();
        let passed = output.status.success();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        let said = [output.stdout, output.stderr].concat();
        (!passed).then(|| format!("{}\n{}", output.status, String::from_utf8_lossy(&said)))
    }
}
