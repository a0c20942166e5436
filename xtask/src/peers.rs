//! The peers from Debian, set up so that nothing but their own work limits them: no flood control, no look-ups, no limits
//! per address, big queues.

use std::net::SocketAddr;
use std::path::Path;

/// How to run a peer.
pub struct Peer {
    /// Its program, which the package of the same name brings.
    pub program: &'static str,
    /// What it is started with; the path of its configuration follows.
    pub arguments: &'static [&'static str],
    /// What it is configured to: an address, and a folder for all that it writes.
    pub config: fn(SocketAddr, &Path) -> String,
}

/// ngIRCd (ngircd.conf(5)). Started by root it becomes `nobody` by itself.
pub const NGIRCD: Peer = Peer { program: "ngircd", arguments: &["--nodaemon", "--config"], config: ngircd };

/// InspIRCd 3.
pub const INSPIRCD: Peer = Peer {
    program: "inspircd",
    arguments: &["--nofork", "--nopid", "--runasroot", "--config"],
    config: inspircd,
};

/// `MaxPenaltyTime = 0` turns its flood control off: three commands a second otherwise.
fn ngircd(address: SocketAddr, _: &Path) -> String {
    format!(
        "[Global]
Name = irc.example.net
Info = bench
Listen = {ip}
Ports = {port}
ServerUID = nobody
ServerGID = nogroup
MotdPhrase = hello
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxNickLength = 9
MaxPenaltyTime = 0
PingTimeout = 3600
PongTimeout = 3600
[Options]
DNS = no
Ident = no
PAM = no
",
        ip = address.ip(),
        port = address.port(),
    )
}

/// `fakelag`, `threshold` and `commandrate` are its flood control.
fn inspircd(address: SocketAddr, folder: &Path) -> String {
    format!(
        r#"<config format="xml">
<server name="irc.example.net" description="bench" network="bench" id="00A">
<bind address="{ip}" port="{port}" type="clients">
<connect allow="*" timeout="60" pingfreq="3600" hardsendq="64M" softsendq="64M" recvq="1M" threshold="1000000000"
 commandrate="1000000000" fakelag="no" localmax="100000" globalmax="100000" maxconnwarn="no" resolvehostnames="no"
 useident="no" limit="100000" modes="">
<class name="Shutdown" commands="DIE RESTART">
<performance netbuffersize="65536" somaxconn="4096" softlimit="100000" quietbursts="yes" nouserdns="yes">
<options defaultmodes="nt" moronbanner="no" splitwhois="no" syntaxhints="no" allowzerolimit="no">
<limits maxnick="30" maxchan="64" maxmodes="20" maxident="12" maxhost="64" maxquit="255" maxtopic="307" maxkick="255"
 maxreal="128" maxaway="200">
<security hideserver="" announceinvites="none" runasuser="" runasgroup="">
<path pid="{folder}/inspircd.pid" datadir="{folder}" logdir="{folder}" runtimedir="{folder}">
<log method="file" type="* -USERINPUT -USEROUTPUT" level="default" target="{folder}/inspircd.log">
"#,
        ip = address.ip(),
        port = address.port(),
        folder = folder.display(),
    )
}
