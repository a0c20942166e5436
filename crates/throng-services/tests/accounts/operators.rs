//! Who operates the server over IRC.

use crate::{OTHER, PASSWORD, Place};

#[test]
fn operators_put_people_out_and_others_do_not() {
    let place = Place::with("ana");
    let (mut ana, mut bo) = (place.guest("guest"), place.guest("bo"));
    let said = bo.ask("KILL guest :no").join("\n");
    assert!(said.contains(" 481 bo "), "{said}");
    let said = bo.ask(&format!("OPER ana {OTHER}")).join("\n");
    assert!(said.contains(" 464 bo "), "{said}");
    let said = ana.ask(&format!("OPER ana {PASSWORD}")).join("\n");
    assert!(said.contains(" 900 guest ") && said.contains(" 491 guest "), "{said}");

    place.set_operator("ana", true);
    let said = ana.ask(&format!("OPER ana {PASSWORD}")).join("\n");
    assert!(said.contains(" 381 guest ") && said.contains(" MODE guest +o"), "{said}");
    ana.ask("WALLOPS :back soon");
    bo.until(" NOTICE * :back soon");
    assert!(ana.ask("KILL nobody").join("").contains(" 401 guest nobody "));
    let said = ana.ask("KILL bo :enough").join("\n");
    assert!(!said.contains(" 481 ") && !said.contains(" 401 "), "{said}");
    let last = bo.rest().join("\n");
    assert!(last.contains("ERROR :"), "{last}");
    // Who did it is known, and never what was said.
    let noted: Vec<String> = place.notes.try_iter().map(|note| format!("{note:?}")).collect();
    for deed in ["Killed", "Announced"] {
        let told: Vec<_> = noted.iter().filter(|note| note.starts_with(deed)).collect();
        assert!(told.len() == 1 && told[0].contains("ana"), "{deed}: {told:?}");
        assert!(!told[0].contains("enough") && !told[0].contains("back soon"), "{told:?}");
    }

    place.set_operator("ana", false);
    let said = ana.ask("WALLOPS :again").join("\n");
    assert!(said.contains(" 481 guest "), "{said}");
}

#[test]
fn the_first_operator_has_the_code() {
    let place = Place::with("ana");
    let code = place.waits.block_on(place.identity.first_operator_code()).unwrap().unwrap();
    let mut ana = place.signed_in("ana");
    let said = ana.ask("NS OPERATOR AAAAA-AAAAA-AAAAA-AAAAA").join("\n");
    assert!(said.contains("No: "), "{said}");
    let said = ana.ask(&format!("NS OPERATOR {}", code.expose())).join("\n");
    assert!(said.contains(" 381 ana "), "{said}");
    assert!(!ana.ask("WALLOPS :hello").join("").contains(" 481 "));
}
