//! The numbers of IRC's replies, by the names that everybody uses (modern.ircdocs.horse/#numerics).

/// `RPL_WELCOME`.
pub const RPL_WELCOME: &str = "001";
/// `RPL_YOURHOST`.
pub const RPL_YOURHOST: &str = "002";
/// `RPL_CREATED`.
pub const RPL_CREATED: &str = "003";
/// `RPL_MYINFO`.
pub const RPL_MYINFO: &str = "004";
/// `RPL_ISUPPORT`.
pub const RPL_ISUPPORT: &str = "005";
/// `RPL_UMODEIS`.
pub const RPL_UMODEIS: &str = "221";
/// `RPL_LUSERCLIENT`.
pub const RPL_LUSERCLIENT: &str = "251";
/// `RPL_LUSEROP`.
pub const RPL_LUSEROP: &str = "252";
/// `RPL_LUSERUNKNOWN`.
pub const RPL_LUSERUNKNOWN: &str = "253";
/// `RPL_LUSERCHANNELS`.
pub const RPL_LUSERCHANNELS: &str = "254";
/// `RPL_LUSERME`.
pub const RPL_LUSERME: &str = "255";
/// `RPL_LOCALUSERS`.
pub const RPL_LOCALUSERS: &str = "265";
/// `RPL_GLOBALUSERS`.
pub const RPL_GLOBALUSERS: &str = "266";
/// `RPL_AWAY`.
pub const RPL_AWAY: &str = "301";
/// `RPL_USERHOST`.
pub const RPL_USERHOST: &str = "302";
/// `RPL_ISON`.
pub const RPL_ISON: &str = "303";
/// `RPL_UNAWAY`.
pub const RPL_UNAWAY: &str = "305";
/// `RPL_NOWAWAY`.
pub const RPL_NOWAWAY: &str = "306";
/// `RPL_WHOISUSER`.
pub const RPL_WHOISUSER: &str = "311";
/// `RPL_WHOISSERVER`.
pub const RPL_WHOISSERVER: &str = "312";
/// `RPL_ENDOFWHO`.
pub const RPL_ENDOFWHO: &str = "315";
/// `RPL_WHOISIDLE`.
pub const RPL_WHOISIDLE: &str = "317";
/// `RPL_ENDOFWHOIS`.
pub const RPL_ENDOFWHOIS: &str = "318";
/// `RPL_WHOISCHANNELS`.
pub const RPL_WHOISCHANNELS: &str = "319";
/// `RPL_LISTSTART`.
pub const RPL_LISTSTART: &str = "321";
/// `RPL_LIST`.
pub const RPL_LIST: &str = "322";
/// `RPL_LISTEND`.
pub const RPL_LISTEND: &str = "323";
/// `RPL_CHANNELMODEIS`.
pub const RPL_CHANNELMODEIS: &str = "324";
/// `RPL_CREATIONTIME`.
pub const RPL_CREATIONTIME: &str = "329";
/// `RPL_WHOISACCOUNT`.
pub const RPL_WHOISACCOUNT: &str = "330";
/// `RPL_NOTOPIC`.
pub const RPL_NOTOPIC: &str = "331";
/// `RPL_TOPIC`.
pub const RPL_TOPIC: &str = "332";
/// `RPL_TOPICWHOTIME`.
pub const RPL_TOPICWHOTIME: &str = "333";
/// `RPL_VERSION`.
pub const RPL_VERSION: &str = "351";
/// `RPL_WHOREPLY`.
pub const RPL_WHOREPLY: &str = "352";
/// `RPL_NAMREPLY`.
pub const RPL_NAMREPLY: &str = "353";
/// `RPL_ENDOFNAMES`.
pub const RPL_ENDOFNAMES: &str = "366";
/// `RPL_ENDOFBANLIST`.
pub const RPL_ENDOFBANLIST: &str = "368";
/// `RPL_MOTD`.
pub const RPL_MOTD: &str = "372";
/// `RPL_MOTDSTART`.
pub const RPL_MOTDSTART: &str = "375";
/// `RPL_ENDOFMOTD`.
pub const RPL_ENDOFMOTD: &str = "376";
/// `RPL_YOUREOPER`.
pub const RPL_YOUREOPER: &str = "381";
/// `ERR_NOSUCHNICK`.
pub const ERR_NOSUCHNICK: &str = "401";
/// `ERR_NOSUCHCHANNEL`.
pub const ERR_NOSUCHCHANNEL: &str = "403";
/// `ERR_CANNOTSENDTOCHAN`.
pub const ERR_CANNOTSENDTOCHAN: &str = "404";
/// `ERR_TOOMANYCHANNELS`.
pub const ERR_TOOMANYCHANNELS: &str = "405";
/// `ERR_TOOMANYTARGETS`.
pub const ERR_TOOMANYTARGETS: &str = "407";
/// `ERR_NOORIGIN`.
pub const ERR_NOORIGIN: &str = "409";
/// `ERR_INVALIDCAPCMD`.
pub const ERR_INVALIDCAPCMD: &str = "410";
/// `ERR_NORECIPIENT`.
pub const ERR_NORECIPIENT: &str = "411";
/// `ERR_NOTEXTTOSEND`.
pub const ERR_NOTEXTTOSEND: &str = "412";
/// `ERR_INPUTTOOLONG`.
pub const ERR_INPUTTOOLONG: &str = "417";
/// `ERR_UNKNOWNCOMMAND`.
pub const ERR_UNKNOWNCOMMAND: &str = "421";
/// `ERR_NOMOTD`.
pub const ERR_NOMOTD: &str = "422";
/// `ERR_NONICKNAMEGIVEN`.
pub const ERR_NONICKNAMEGIVEN: &str = "431";
/// `ERR_ERRONEUSNICKNAME`.
pub const ERR_ERRONEUSNICKNAME: &str = "432";
/// `ERR_NICKNAMEINUSE`.
pub const ERR_NICKNAMEINUSE: &str = "433";
/// `ERR_NICKCOLLISION`.
pub const ERR_NICKCOLLISION: &str = "436";
/// `ERR_UNAVAILRESOURCE`.
pub const ERR_UNAVAILRESOURCE: &str = "437";
/// `ERR_USERNOTINCHANNEL`.
pub const ERR_USERNOTINCHANNEL: &str = "441";
/// `ERR_NOTONCHANNEL`.
pub const ERR_NOTONCHANNEL: &str = "442";
/// `ERR_NOTREGISTERED`.
pub const ERR_NOTREGISTERED: &str = "451";
/// `ERR_NEEDMOREPARAMS`.
pub const ERR_NEEDMOREPARAMS: &str = "461";
/// `ERR_ALREADYREGISTERED`.
pub const ERR_ALREADYREGISTERED: &str = "462";
/// `ERR_PASSWDMISMATCH`.
pub const ERR_PASSWDMISMATCH: &str = "464";
/// `ERR_YOUREBANNEDCREEP`.
pub const ERR_YOUREBANNEDCREEP: &str = "465";
/// `ERR_CHANNELISFULL`.
pub const ERR_CHANNELISFULL: &str = "471";
/// `ERR_UNKNOWNMODE`.
pub const ERR_UNKNOWNMODE: &str = "472";
/// `ERR_INVITEONLYCHAN`.
pub const ERR_INVITEONLYCHAN: &str = "473";
/// `ERR_BANNEDFROMCHAN`.
pub const ERR_BANNEDFROMCHAN: &str = "474";
/// `ERR_BADCHANNELKEY`.
pub const ERR_BADCHANNELKEY: &str = "475";
/// `ERR_BADCHANMASK`.
pub const ERR_BADCHANMASK: &str = "476";
/// `ERR_NOPRIVILEGES`.
pub const ERR_NOPRIVILEGES: &str = "481";
/// `ERR_CHANOPRIVSNEEDED`.
pub const ERR_CHANOPRIVSNEEDED: &str = "482";
/// `ERR_NOOPERHOST`.
pub const ERR_NOOPERHOST: &str = "491";
/// `ERR_UMODEUNKNOWNFLAG`.
pub const ERR_UMODEUNKNOWNFLAG: &str = "501";
/// `ERR_USERSDONTMATCH`.
pub const ERR_USERSDONTMATCH: &str = "502";
/// `ERR_INVALIDMODEPARAM`.
pub const ERR_INVALIDMODEPARAM: &str = "696";
/// `RPL_LOGGEDIN`.
pub const RPL_LOGGEDIN: &str = "900";
/// `RPL_LOGGEDOUT`.
pub const RPL_LOGGEDOUT: &str = "901";
/// `RPL_SASLSUCCESS`.
pub const RPL_SASLSUCCESS: &str = "903";
/// `ERR_SASLFAIL`.
pub const ERR_SASLFAIL: &str = "904";
/// `ERR_SASLTOOLONG`.
pub const ERR_SASLTOOLONG: &str = "905";
/// `ERR_SASLABORTED`.
pub const ERR_SASLABORTED: &str = "906";
/// `ERR_SASLALREADY`.
pub const ERR_SASLALREADY: &str = "907";
/// `RPL_SASLMECHS`.
pub const RPL_SASLMECHS: &str = "908";

#[cfg(test)]
mod tests {
    /// Doc line and constant in turn, as this file has them.
    const THIS_FILE: &str = include_str!("numeric.rs");

    #[test]
    fn numbers_are_three_digits_in_order_and_none_has_two_names() {
        let mut before = String::new();
        let mut documented = "";
        for line in THIS_FILE.lines() {
            if let Some(name) = line.strip_prefix("/// `").and_then(|rest| rest.strip_suffix("`.")) {
                documented = name;
            }
            let Some(constant) = line.strip_prefix("pub const ") else { continue };
            let (name, value) = constant.split_once(": &str = ").expect("a constant is text");
            let number = value.trim_matches(['"', ';']);
            assert_eq!(name, documented);
            assert!(number.len() == 3 && number.bytes().all(|digit| digit.is_ascii_digit()), "{name}");
            assert!(number > before.as_str(), "{name} is {number}, behind {before}");
            // From 900 on, what is about accounts has both kinds among each other.
            assert!(number >= "900" || name.starts_with("ERR_") == (number >= "400"), "{name} is {number}");
            number.clone_into(&mut before);
        }
        assert!(!before.is_empty());
    }
}
