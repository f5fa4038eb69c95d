use std::time::{Duration, Instant};

use super::*;

/// The shortest of many times, so that what else the machine does falls out.
fn cost(request: &Arrived, expected: Result<(), SignatureError>) -> Duration {
    let urls = [PublicUrl::new("https://wa.example/hook"), PublicUrl::new("https://other.example")];
    (0..20)
        .map(|_| {
            let start = Instant::now();
            let result = request.verify_urls(&["t0ken", "0ld"], &urls);
            let taken = start.elapsed();
            assert_eq!(result, expected);
            taken
        })
        .min()
        .unwrap()
}

#[test]
fn a_bad_signature_costs_at_most_twice_a_good_one() {
    let value = "v".repeat(200);
    let pairs: Vec<_> =
        (0..400).map(|number| (format!("n{number:03}"), format!("{value}{number}"))).collect();
    let body: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let signed: String = pairs.iter().flat_map(|(name, value)| [name.as_str(), value]).collect();
    let good = Arrived::post("/hook?a='b'", body.join("&")).signed_for(
        "t0ken",
        "https://wa.example/hook?a='b'",
        &signed,
    );
    let most = cost(&good, Ok(())) * 2;
    let bad = [
        (good.clone().signed_for("another", "https://wa.example/hook?a='b'", &signed), Mismatch),
        (good.clone().signed_for("t0ken", "https://wa.example/hook", &signed), Mismatch),
        (good.clone().signed("RSOYDt4T1cUTdK1PDd93/VVr8B8="), Mismatch),
        (good.clone().with(SETTINGS, "algorithm=HMAC_SHA256"), Malformed),
        (good.clone().signed(&"A".repeat(8 * 1024)), Malformed),
    ];
    for (request, error) in bad {
        let taken = cost(&request, Err(error));
        assert!(taken <= most, "{error:?}: {taken:?}, at most {most:?}");
    }
}
