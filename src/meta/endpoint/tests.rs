use http::HeaderMap;

use super::*;
use crate::error::ErrorKind::{InvalidMessage, Unsupported};

const SENDER: &str = "100000000000007";

fn host(endpoint: Endpoint) -> Host {
    Host::new(endpoint, None, None, None).unwrap()
}

fn refused(endpoint: Endpoint) -> String {
    let error = Host::new(endpoint, None, None, None).unwrap_err();
    assert!(!error.to_string().contains("SECRET"), "{error}");
    error.field.into_owned()
}

fn names() -> Names<'static> {
    Names { sender: Some(SENDER), account: Some("200"), media: Some("300") }
}

fn addresses(endpoint: Endpoint) -> Vec<Option<String>> {
    let host = host(endpoint);
    let address = |path| host.address(path, &names(), &[]);
    EndpointPath::ALL
        .iter()
        .map(|path| {
            let address = address(*path);
            if let Err(error) = &address {
                assert_eq!((error.kind(), error.field()), (Unsupported, Some(path.field())));
            }
            address.ok().map(|uri| uri.to_string())
        })
        .collect()
}

fn log_in(endpoint: Endpoint) -> Vec<(String, String)> {
    let host = host(endpoint);
    let mut headers = HeaderMap::new();
    host.log_in(&mut headers, host.authorization(" TOKEN\n").unwrap());
    assert!(headers.values().all(http::HeaderValue::is_sensitive));
    headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn the_addresses_of_every_preset() {
    let meta = |base: &str, version: &str| {
        [
            "SENDER/messages",
            "SENDER/marketing_messages",
            "SENDER/media",
            "300?phone_number_id=SENDER",
            "SENDER?fields=id",
            "SENDER?fields=id,display_phone_number,verified_name,name_status,code_verification_status,\
             quality_rating,platform_type,throughput,status,account_mode,\
             whatsapp_business_manager_messaging_limit,health_status",
            "200/message_templates?fields=id,name,language,status,category,quality_score,parameter_format,\
             rejected_reason,components",
            "200/subscribed_apps",
        ]
        .map(|path| Some(format!("{base}/{version}/{}", path.replace("SENDER", SENDER))))
        .to_vec()
    };
    assert_eq!(addresses(Endpoint::default()), meta("https://graph.facebook.com", "v25.0"));
    assert_eq!(addresses(Endpoint::kapso()), meta("https://api.kapso.ai/meta/whatsapp", "v24.0"));
    assert_eq!(
        addresses(Endpoint::new("http://127.0.0.1:1/").version("v1")),
        meta("http://127.0.0.1:1", "v1")
    );

    let dialog = |path: &str| Some(format!("https://waba-v2.360dialog.io/{path}"));
    assert_eq!(
        addresses(Endpoint::dialog360()),
        [
            dialog("messages"),
            None,
            dialog("media"),
            dialog("300"),
            dialog("health_status"),
            dialog("health_status"),
            None,
            None
        ]
    );
    for (endpoint, messages) in [
        (Endpoint::pinbot(), "https://partnersv1.pinbot.ai/v3/SENDER/messages"),
        (Endpoint::interakt("200"), "https://amped-express.interakt.ai/api/v17.0/SENDER/messages"),
    ] {
        let mut expected = vec![None; EndpointPath::ALL.len()];
        expected[0] = Some(messages.replace("SENDER", SENDER));
        assert_eq!(addresses(endpoint), expected);
    }
}

#[test]
fn the_token_travels_as_the_host_wants_it() {
    assert_eq!(log_in(Endpoint::meta()), [pair("authorization", "Bearer TOKEN")]);
    assert_eq!(log_in(Endpoint::meta().auth(EndpointAuth::Raw)), [pair("authorization", "TOKEN")]);
    assert_eq!(log_in(Endpoint::dialog360()), [pair("d360-api-key", "TOKEN")]);
    assert_eq!(log_in(Endpoint::kapso()), [pair("x-api-key", "TOKEN")]);
    assert_eq!(log_in(Endpoint::pinbot()), [pair("apikey", "TOKEN")]);
    let mut interakt = log_in(Endpoint::interakt("200"));
    interakt.sort();
    assert_eq!(interakt, [pair("x-access-token", "TOKEN"), pair("x-waba-id", "200")]);

    for (endpoint, takes) in [
        (Endpoint::meta(), true),
        (Endpoint::meta().auth(EndpointAuth::Raw), false),
        (Endpoint::dialog360(), false),
    ] {
        assert_eq!(host(endpoint).takes_access_tokens(), takes);
    }
    for bad in ["", " ", "a\nb", "\u{7f}"] {
        assert_eq!(host(Endpoint::dialog360()).authorization(bad).unwrap_err().field, "access_token");
    }
}

#[test]
fn what_is_malformed_is_named() {
    let new = || Endpoint::new("https://gateway.example");
    let with = |path, template: &str| new().path(path, template);
    let long = "a".repeat(1025);
    for (endpoint, field) in [
        (Endpoint::new("http://gateway.example"), "base_url"),
        (Endpoint::new("https://SECRET@gateway.example"), "base_url"),
        (new().version("v1/x"), "api_version"),
        (new().version(""), "api_version"),
        (with(EndpointPath::Messages, ""), "endpoint.messages"),
        (with(EndpointPath::Messages, "/"), "endpoint.messages"),
        (with(EndpointPath::Messages, &long), "endpoint.messages"),
        (with(EndpointPath::Messages, "{Sender}/messages"), "endpoint.messages"),
        (with(EndpointPath::Messages, "{sender/messages"), "endpoint.messages"),
        (with(EndpointPath::Messages, "sender}/messages"), "endpoint.messages"),
        (with(EndpointPath::Messages, "{{sender}}/messages"), "endpoint.messages"),
        (with(EndpointPath::Messages, "{}/messages"), "endpoint.messages"),
        (with(EndpointPath::Messages, "{media}/messages"), "endpoint.messages"),
        (with(EndpointPath::Messages, "a//b"), "endpoint.messages"),
        (with(EndpointPath::Messages, "a/../b"), "endpoint.messages"),
        (with(EndpointPath::Messages, "a/"), "endpoint.messages"),
        (with(EndpointPath::Messages, "a b"), "endpoint.messages"),
        (with(EndpointPath::Messages, "a#b"), "endpoint.messages"),
        (with(EndpointPath::Messages, "é"), "endpoint.messages"),
        (with(EndpointPath::MarketingMessages, "a\\b"), "endpoint.marketing_messages"),
        (with(EndpointPath::MediaUpload, "{media}"), "endpoint.media_upload"),
        (with(EndpointPath::Media, "{version}/media"), "endpoint.media"),
        (with(EndpointPath::Probe, "{who}"), "endpoint.probe"),
        (with(EndpointPath::Number, "{who}"), "endpoint.number"),
        (with(EndpointPath::Templates, "{who}"), "endpoint.templates"),
        (with(EndpointPath::SubscribedApps, "{who}"), "endpoint.subscribed_apps"),
        (new().auth(EndpointAuth::Header("a b".to_owned())), "endpoint.auth"),
        (new().auth(EndpointAuth::Header(String::new())), "endpoint.auth"),
        (new().auth(EndpointAuth::Header("Host".to_owned())), "endpoint.auth"),
        (new().header("a:b", "SECRET"), "endpoint.headers"),
        (new().header("content-type", "SECRET"), "endpoint.headers"),
        (new().header("authorization", "SECRET"), "endpoint.headers"),
        (new().header("x-a", "SECRET").header("X-A", "SECRET"), "endpoint.headers"),
        (new().header("x-a", " "), "endpoint.headers"),
        (new().header("x-a", "SECRET\r\nx-b: 1"), "endpoint.headers"),
        (new().media_host("example"), "endpoint.media_hosts"),
        (new().media_host("*.com"), "endpoint.media_hosts"),
        (new().media_host("*"), "endpoint.media_hosts"),
        (new().media_host("a.*.example"), "endpoint.media_hosts"),
        (new().media_host("http://a.example"), "endpoint.media_hosts"),
        (new().media_redirect_host("a"), "endpoint.media_hosts"),
        (new().media_host("a.example:443"), "endpoint.media_hosts"),
        (new().media_host("10.0.0.1"), "endpoint.media_hosts"),
        (new().media_host("*.0.0.1"), "endpoint.media_hosts"),
        (new().media_host("[::1]"), "endpoint.media_hosts"),
        (new().media_host_rewrite("nowhere", "https://b.example"), "endpoint.media_host_rewrite"),
        (new().media_host_rewrite("http://a.example", "https://b.example"), "endpoint.media_host_rewrite"),
        (new().media_host_rewrite("https://a.example/x", "https://b.example"), "endpoint.media_host_rewrite"),
        (new().media_host_rewrite("https://a.example", "http://b.example"), "endpoint.media_host_rewrite"),
        (new().media_host_rewrite("https://a.example", ""), "endpoint.media_host_rewrite"),
    ] {
        let says = format!("{endpoint:?} {:?}", endpoint.paths);
        assert_eq!(refused(endpoint), field, "{says}");
    }
}

#[test]
fn addresses_are_about_something_that_is_known() {
    let host = host(Endpoint::meta());
    let nobody = Names::default();
    for (path, field) in [
        (EndpointPath::Messages, "phone_number_id"),
        (EndpointPath::Templates, "account_id"),
        (EndpointPath::Media, "media"),
    ] {
        let error = host.address(path, &nobody, &[]).unwrap_err();
        assert_eq!((error.kind(), error.field()), (Unsupported, Some(field)));
    }
    for bad in ["", "..", "a/b", "a?b", "a%2fb", "é"] {
        let error =
            host.address(EndpointPath::Media, &Names { media: Some(bad), ..names() }, &[]).unwrap_err();
        assert_eq!((error.kind(), error.field()), (InvalidMessage, Some("media")), "{bad}");
        let error =
            host.address(EndpointPath::Templates, &Names { account: Some(bad), ..names() }, &[]).unwrap_err();
        assert_eq!((error.kind(), error.field()), (InvalidMessage, Some("account_id")), "{bad}");
    }
    // What is in no path may be anything.
    let odd = Names { account: Some("a/b"), ..names() };
    assert!(host.address(EndpointPath::Messages, &odd, &[]).is_ok());

    let query = [("name", "ä b&c=d"), ("after", "QVFI+/==")];
    let address = host.address(EndpointPath::SubscribedApps, &names(), &query).unwrap();
    assert_eq!(
        address.to_string(),
        "https://graph.facebook.com/v25.0/200/subscribed_apps?name=%C3%A4%20b%26c%3Dd&after=QVFI%2B%2F%3D%3D"
    );
    let address = host.address(EndpointPath::Probe, &names(), &[("a", "b")]).unwrap();
    assert_eq!(address.query(), Some("fields=id&a=b"));
}

#[test]
fn an_address_is_about_the_account_that_was_set_up_unless_another_is_named() {
    let endpoint = Endpoint::meta().path(EndpointPath::Messages, "{account}/{sender}/messages");
    let host = Host::new(endpoint, None, None, Some("400".to_owned())).unwrap();
    assert_eq!(host.account(), Some("400"));
    for (names, expected) in [
        (Names::of_sender(SENDER), format!("/400/{SENDER}/messages")),
        (names(), format!("/200/{SENDER}/messages")),
    ] {
        assert_eq!(host.address(EndpointPath::Messages, &names, &[]).unwrap().path(), expected);
    }
}

#[test]
fn the_builder_wins_over_the_endpoint() {
    let host =
        Host::new(Endpoint::kapso(), Some("http://localhost:1/x/"), Some("v99.0".to_owned()), None).unwrap();
    let address = host.address(EndpointPath::Messages, &names(), &[]).unwrap();
    assert_eq!(address.to_string(), format!("http://localhost:1/x/v99.0/{SENDER}/messages"));
}

#[test]
fn media_are_fetched_where_the_credentials_may_go() {
    let location = |endpoint: Endpoint, url: &str| {
        let (uri, trust) = host(endpoint).media_location(url.parse().ok()?)?;
        assert_eq!(trust, Trust::Credentials);
        Some(uri.to_string())
    };
    let lookaside = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1&ext=2&hash=a%2Fb";
    for good in [
        lookaside,
        "https://LOOKASIDE.fbsbx.com:443/x",
        "https://a.b.fbcdn.net/x",
        "https://media.whatsapp.net/x",
        "https://graph.facebook.com/x",
    ] {
        let found = location(Endpoint::meta(), good).unwrap();
        assert!(found.eq_ignore_ascii_case(good), "{found}");
    }
    for bad in [
        "http://lookaside.fbsbx.com/x",
        "https://lookaside.fbsbx.com:8443/x",
        "https://lookaside.fbsbx.com:/x",
        "https://user@lookaside.fbsbx.com/x",
        "https://fbsbx.com/x",
        "https://.fbsbx.com/x",
        "https://evilfbsbx.com/x",
        "https://lookaside.fbsbx.com.example/x",
        "https://lookaside.fbsbx.com@evil.example/x",
        "https://evil.example/?lookaside.fbsbx.com",
        "https://graph.facebook.com:444/x",
        "https://www.facebook.com/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "/x",
        "lookaside.fbsbx.com",
        "ftp://lookaside.fbsbx.com/x",
        "",
    ] {
        assert_eq!(location(Endpoint::meta(), bad), None, "{bad}");
    }

    let rewritten = lookaside.replace("lookaside.fbsbx.com", "waba-v2.360dialog.io");
    assert_eq!(location(Endpoint::dialog360(), lookaside).as_deref(), Some(rewritten.as_str()));
    assert_eq!(location(Endpoint::dialog360(), &rewritten).as_deref(), Some(rewritten.as_str()));
    assert_eq!(location(Endpoint::dialog360(), "https://a.fbcdn.net/x"), None, "its key is not for Meta");
    let moved = Host::new(Endpoint::dialog360(), Some("http://127.0.0.1:7/x"), None, None).unwrap();
    let (there, _) = moved.media_location("https://lookaside.fbsbx.com/a?b".parse().unwrap()).unwrap();
    assert_eq!(there.to_string(), "http://127.0.0.1:7/x/a?b", "nor for whoever is not asked");

    // Whoever set the base URL last has the token, and Meta's hosts have it only if that is Meta.
    let at = |endpoint: Endpoint, base: Option<&str>| Host::new(endpoint, base, None, None).unwrap();
    for (host, trusted) in [
        (at(Endpoint::meta(), None), true),
        (at(Endpoint::meta(), Some("https://gateway.example")), false),
        (at(Endpoint::meta().base_url("https://gateway.example"), None), false),
        (at(Endpoint::meta(), Some("https://facebook.com.example")), false),
        (at(Endpoint::meta(), Some("https://graph.facebook.com:8443")), false),
        (at(Endpoint::new("https://gateway.example"), Some("https://graph.facebook.com/")), true),
        (at(Endpoint::new("https://GRAPH.facebook.com"), None), true),
        (at(Endpoint::meta().media_host("*.fbsbx.com"), Some("https://gateway.example")), true),
    ] {
        let location = host.media_location(lookaside.parse().unwrap());
        assert_eq!(location.map(|(_, trust)| trust), trusted.then_some(Trust::Credentials));
    }

    let own = || {
        Endpoint::new("http://127.0.0.1:7")
            .media_host("Media.example.com")
            .media_host("*.cdn.example")
            .media_host_rewrite("https://old.example", "https://new.example/files/")
    };
    for (url, expected) in [
        ("https://media.example.com/x", Some("https://media.example.com/x")),
        ("https://sub.media.example.com/x", None),
        ("https://a.cdn.example/x", Some("https://a.cdn.example/x")),
        ("https://cdn.example/x", None),
        ("http://127.0.0.1:7/x", Some("http://127.0.0.1:7/x")),
        ("http://127.0.0.1:8/x", None),
        ("https://old.example/x?y", Some("https://new.example/files/x?y")),
        ("https://new.example/x", Some("https://new.example/x")),
        ("https://lookaside.fbsbx.com/x", None),
    ] {
        assert_eq!(location(own(), url).as_deref(), expected, "{url}");
    }
}

#[test]
fn debug_prints_neither_addresses_nor_secrets() {
    let endpoint = Endpoint::new("https://SECRET.example")
        .header("x-a", "SECRET")
        .path(EndpointPath::Messages, "SECRET")
        .media_host("SECRET.example")
        .auth(EndpointAuth::Header("SECRET".to_owned()));
    let printed = format!("{endpoint:?} {:?}", host(endpoint.clone()));
    assert!(printed.contains("Messages") && !printed.contains("SECRET"), "{printed}");
}
