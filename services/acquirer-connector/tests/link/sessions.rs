//! Sign-on, sign-off and echo, without the log.

use crate::requests::Request;
use crate::switch::Switch;
use link::SignOn;

#[tokio::test]
async fn sign_on_is_answered_as_in_the_vectors_but_hands_out_no_keys() {
    let switch = Switch::start(|_| {}).await;
    let answer = switch.peer().await.ask(&Request::sign_on().frame()).await;
    let expected = [
        (11, "000001"),
        (12, "193005"),
        (13, "0511"),
        (32, "69980290"),
        (37, "051119000001"),
        (39, "00"),
        (41, "70000001"),
        (42, "898999954110001"),
        (60, "00000001003"),
    ];
    answer.check("0810", &expected);
    assert_eq!(switch.appended_count(), 0);
}

#[tokio::test]
async fn payments_need_a_session_where_sign_on_is_required() {
    let mut switch = Switch::start(|settings| settings.sign_on = SignOn::Required).await;
    let mut peer = switch.peer().await;
    let purchase = Request::purchase(1).frame();
    let sign_off = Request::network(b"0820", "00000001002").frame();
    assert_eq!(peer.ask(&purchase).await.code(), "97");
    assert_eq!(peer.ask(&Request::sign_on().frame()).await.code(), "00");
    // A session is the terminal's, whatever connection it uses.
    let mut other = switch.peer().await;
    other.send(&purchase).await;
    switch.approve().await;
    assert_eq!(other.receive().await.code(), "00");
    let stranger = Request::purchase(1).with(41, "70000002").frame();
    assert_eq!(other.ask(&stranger).await.code(), "97");
    let answer = other.ask(&sign_off).await;
    assert_eq!(
        (answer.mti().as_str(), answer.code().as_str()),
        ("0830", "00")
    );
    assert_eq!(peer.ask(&purchase).await.code(), "97");
}

#[tokio::test]
async fn new_requests_are_of_the_batch_of_the_sign_on() {
    let mut switch = Switch::start(|settings| settings.sign_on = SignOn::Required).await;
    let mut peer = switch.peer().await;
    assert_eq!(peer.ask(&Request::sign_on().frame()).await.code(), "00");
    let other_batch = Request::purchase(1).with(60, "2200000200020");
    assert_eq!(peer.ask(&other_batch.frame()).await.code(), "77");
    // What was not answered in the batch before is still reversed.
    peer.send(&other_batch.mti(b"0400").frame()).await;
    switch.approve().await;
    assert_eq!(peer.receive().await.code(), "00");
    let next_batch = Request::network(b"0800", "00000002003").frame();
    assert_eq!(peer.ask(&next_batch).await.code(), "00");
    assert_eq!(peer.ask(&Request::purchase(2).frame()).await.code(), "77");
}

#[tokio::test]
async fn requests_of_the_network_desk() {
    let switch = Switch::start(|settings| settings.sign_on = SignOn::Required).await;
    let mut peer = switch.peer().await;
    let wrong_merchant = Request::sign_on().with(42, "898999954110002");
    for (request, mti, code) in [
        (Request::network(b"0820", "00000001301"), "0830", "00"),
        (
            Request::network(b"0820", "00000001301").without(11),
            "0830",
            "00",
        ),
        (Request::network(b"0800", "00000001001"), "0810", "00"),
        (Request::network(b"0800", "00000001005"), "0810", "00"),
        (Request::network(b"0800", "00000001360"), "0810", "00"),
        (Request::network(b"0800", "00000001361"), "0810", "00"),
        (Request::network(b"0800", "00000001370"), "0810", "40"),
        (Request::network(b"0820", "00000001001"), "0830", "40"),
        (Request::sign_on().with(41, "79999999"), "0810", "97"),
        (wrong_merchant, "0810", "03"),
        (Request::sign_on().without(60), "0810", "30"),
        (Request::network(b"0800", "0000000"), "0810", "30"),
        (Request::sign_on().without(41), "0810", "30"),
    ] {
        let answer = peer.ask(&request.frame()).await;
        assert_eq!((answer.mti().as_str(), answer.code().as_str()), (mti, code));
    }
    assert_eq!(switch.appended_count(), 0);
}

#[tokio::test]
async fn a_terminal_downloads_its_parameters() {
    let switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    let answer = peer
        .ask(&Request::network(b"0800", "00000001360").frame())
        .await;
    let parameters = answer.message().bytes(62).map(<[u8]>::to_vec);
    assert_eq!(
        parameters.as_deref(),
        Some(b"1260132022SUPERMARKET".as_slice())
    );
    let end = peer
        .ask(&Request::network(b"0800", "00000001361").frame())
        .await;
    assert_eq!((end.code().as_str(), end.value(62)), ("00", None));
}
