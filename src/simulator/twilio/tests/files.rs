//! Files that users sent.

use super::*;

#[test]
fn what_users_send_is_kept_until_it_is_deleted() {
    let bench = Bench::new();
    let twilio = bench.simulator.twilio().build().unwrap();
    let sent = |data: &'static str| {
        let file = FileBytes::new(data, "audio/ogg; codecs=opus");
        let webhook = bench.ada().sends_file(Side::Twilio, &file, None);
        let form: Vec<(String, String)> = serde_urlencoded::from_bytes(webhook.request.body()).unwrap();
        let url = form.into_iter().find(|(name, _)| name == "MediaUrl0").unwrap().1;
        let sender = SenderId::new(ProviderId::TWILIO, bench.accounts.twilio_number.as_str());
        MediaRef::new(sender, url)
    };
    let (first, second) = (sent("first"), sent("second"));
    let fetch = |media: &MediaRef| {
        bench.clock.block_on(async {
            let file = twilio.fetch_media(media).await?;
            assert_eq!(file.mime_type.as_deref(), Some("audio/ogg; codecs=opus"));
            file.read(100).await
        })
    };
    assert_eq!(fetch(&first).unwrap(), "first");
    assert_eq!(fetch(&second).unwrap(), "second");
    let path = first.id.strip_prefix("https://api.twilio.com").unwrap();
    let mut stranger = bench.to_twilio(Method::GET, path, &[]);
    assert_eq!(bench.ask(stranger.clone()).unwrap().status(), 200);
    stranger.headers_mut().remove("authorization");
    assert_eq!(bench.json(stranger).0, 401);

    bench.clock.block_on(twilio.delete_media(&first)).unwrap();
    assert_eq!(bench.json(bench.to_twilio(Method::DELETE, path, &[])).0, 404);
    assert_eq!(fetch(&first).unwrap_err().kind(), crate::ErrorKind::MediaExpired);
    assert_eq!(fetch(&second).unwrap(), "second");
}
