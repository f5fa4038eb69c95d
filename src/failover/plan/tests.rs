use super::*;

const DOWN: Standing = Standing::open(ErrorKind::Unavailable, Duration::from_secs(30));

fn meta() -> Candidate {
    Candidate::new(ProviderId::META).with_senders(vec![SenderId::new(ProviderId::META, "1")])
}

fn twilio() -> Candidate {
    Candidate::new(ProviderId::TWILIO).with_senders(vec![SenderId::new(ProviderId::TWILIO, "+2")])
}

fn order(request: &PlanRequest, candidates: &[Candidate]) -> String {
    plan(request, candidates).steps.iter().map(|step| step.member.as_str()).collect::<Vec<_>>().join(" ")
}

fn skipped(request: &PlanRequest, candidates: &[Candidate]) -> Vec<(String, SkipReason)> {
    let plan = plan(request, candidates);
    plan.skipped.into_iter().map(|skipped| (skipped.member.to_string(), skipped.reason)).collect()
}

fn request() -> PlanRequest {
    PlanRequest::default()
}

#[test]
fn authority_from_low_to_high() {
    let members = [meta(), twilio(), Candidate::new("third".parse().unwrap())];
    let mut request = request();
    assert_eq!(order(&request, &members), "meta twilio third");
    request.route = Route::Prefer(ProviderId::TWILIO);
    assert_eq!(order(&request, &members), "twilio meta third");
    request.pin = Some("third".parse().unwrap());
    assert_eq!(order(&request, &members), "third twilio meta");
    request.via = Some(ProviderId::META);
    assert_eq!(order(&request, &members), "meta third twilio");
    request.via_only = true;
    assert_eq!(order(&request, &members), "meta");
    request.route = Route::Only(ProviderId::TWILIO);
    assert_eq!(order(&request, &members), "twilio");
    assert_eq!(
        skipped(&request, &members),
        [("meta".to_owned(), SkipReason::Route), ("third".to_owned(), SkipReason::Route)]
    );
}

#[test]
fn a_sender_names_its_member() {
    let members = [meta(), twilio()];
    let from = SenderId::new(ProviderId::TWILIO, "+2");
    let mut request = PlanRequest { from: Some(from), ..request() };
    assert_eq!(order(&request, &members), "twilio");
    request.from = Some(SenderId::new(ProviderId::TWILIO, "a number of its pool"));
    assert_eq!(order(&request, &members), "twilio");
    request.from = Some(SenderId::new("other".parse().unwrap(), "+2"));
    assert_eq!(order(&request, &members), "");
    assert_eq!(skipped(&request, &members).len(), 2);
}

#[test]
fn a_route_that_names_nobody_is_no_opinion() {
    let members = [meta(), twilio()];
    for route in ["only:nobody", "prefer:nobody", "auto"] {
        let request = PlanRequest { route: route.parse().unwrap(), ..request() };
        assert_eq!(order(&request, &members), "meta twilio", "{route}");
    }
}

#[test]
fn health_moves_on_only_below_only_from_and_via_only() {
    let members = [meta().with_standing(DOWN), twilio()];
    assert_eq!(order(&request(), &members), "twilio");
    for soft in [
        PlanRequest { via: Some(ProviderId::META), ..request() },
        PlanRequest { pin: Some(ProviderId::META), ..request() },
        PlanRequest { route: Route::Prefer(ProviderId::META), ..request() },
    ] {
        assert_eq!(order(&soft, &members), "twilio");
        assert_eq!(
            skipped(&soft, &members),
            [("meta".to_owned(), SkipReason::Unhealthy(ErrorKind::Unavailable))]
        );
    }
    for forced in [
        PlanRequest { via: Some(ProviderId::META), via_only: true, ..request() },
        PlanRequest { from: Some(SenderId::new(ProviderId::META, "1")), ..request() },
        PlanRequest { route: Route::Only(ProviderId::META), ..request() },
    ] {
        assert_eq!(order(&forced, &members), "meta");
    }
}

#[test]
fn a_member_on_trial_keeps_its_place_and_one_that_recovers_waits() {
    let members = [meta().with_standing(Standing::Trial), twilio()];
    assert_eq!(order(&request(), &members), "meta twilio");
    let members = [meta().with_standing(Standing::Recovering), twilio()];
    assert_eq!(order(&request(), &members), "twilio meta");
    let members = [meta().with_standing(Standing::Recovering), twilio().with_standing(DOWN)];
    assert_eq!(order(&request(), &members), "meta");
}

#[test]
fn when_nobody_is_well_the_least_bad_is_tried_first() {
    let later = Standing::open(ErrorKind::Unavailable, Duration::from_secs(60));
    let blocked = Standing::open(ErrorKind::AccountBlocked, Duration::from_secs(1));
    assert_eq!(
        order(&request(), &[meta().with_standing(later), twilio().with_standing(DOWN)]),
        "twilio meta"
    );
    assert_eq!(
        order(&request(), &[meta().with_standing(blocked), twilio().with_standing(later)]),
        "twilio meta"
    );
    assert_eq!(order(&request(), &[meta().with_standing(DOWN)]), "meta");
}

#[test]
fn a_member_is_given_what_it_carries() {
    let no = Some(ErrorKind::Unsupported);
    let members = [meta().with_refusals(vec![no, None, None]), twilio().with_refusals(vec![no, no, no])];
    let plan = plan(&request(), &members);
    let step = Step {
        member: ProviderId::META,
        contents: vec![1, 2],
        standing: Standing::Ready,
        window: Window::Unknown,
    };
    assert_eq!(plan.steps, [step]);
    assert_eq!(
        plan.skipped,
        [Skipped { member: ProviderId::TWILIO, reason: SkipReason::Refuses(ErrorKind::Unsupported) }]
    );
}

#[test]
fn alternatives_stand_in_for_what_cannot_be_carried_and_for_nothing_else() {
    let (no, bad) = (Some(ErrorKind::Unsupported), Some(ErrorKind::TemplateUnavailable));
    for (refusals, contents) in [
        (vec![no, None], vec![1]),
        (vec![None, no, None], vec![0, 2]),
        (vec![None, bad, None], vec![0]),
        (vec![bad, None], vec![]),
    ] {
        let plan = plan(&request(), &[meta().with_refusals(refusals)]);
        assert_eq!(plan.steps.first().map(|step| step.contents.clone()).unwrap_or_default(), contents);
    }
}

#[test]
fn what_no_provider_could_carry_ends_the_plan() {
    use ErrorKind::{
        Duplicate, Expired, InvalidMessage, RecipientRefused, RecipientThrottled, RecipientUnreachable,
    };
    let ends =
        [InvalidMessage, RecipientUnreachable, RecipientRefused, RecipientThrottled, Expired, Duplicate];
    for kind in ErrorKind::ALL.iter().copied() {
        let members = [meta().with_refusals(vec![Some(kind)]), twilio()];
        let expected = if ends.contains(&kind) { "" } else { "twilio" };
        assert_eq!(order(&request(), &members), expected, "{kind:?}");
        let members = [meta(), twilio().with_refusals(vec![Some(kind)])];
        assert_eq!(order(&request(), &members), "meta", "the first one is believed: {kind:?}");
    }
}

#[test]
fn those_on_trial_come_before_those_that_are_open() {
    let members = [meta().with_standing(DOWN), twilio().with_standing(Standing::Trial)];
    assert_eq!(order(&request(), &members), "twilio meta");
    let pinned = PlanRequest { pin: Some(ProviderId::META), ..request() };
    let members = [twilio(), meta().with_standing(Standing::Recovering)];
    assert_eq!(order(&pinned, &members), "meta twilio");
}

#[test]
fn a_category_that_does_not_fail_over_stays_with_the_first() {
    let request = PlanRequest { single: true, ..request() };
    assert_eq!(order(&request, &[meta().with_standing(DOWN), twilio()]), "meta");
    assert_eq!(skipped(&request, &[meta(), twilio()]), [("twilio".to_owned(), SkipReason::Category)]);
    let elsewhere = [meta().with_refusals(vec![Some(ErrorKind::Unsupported)]), twilio()];
    assert_eq!(order(&request, &elsewhere), "twilio", "the first that carries it");
    assert_eq!(order(&request, &[]), "");
}

fn contents(request: &PlanRequest, candidates: &[Candidate]) -> Vec<(String, Vec<usize>)> {
    let steps = plan(request, candidates).steps;
    steps.into_iter().map(|step| (step.member.to_string(), step.contents)).collect()
}

/// A text, and a template as its alternative.
fn text_or_template() -> (PlanRequest, [Candidate; 2]) {
    let request = PlanRequest { needs_window: vec![true, false], ..request() };
    (request, [meta(), twilio()].map(|candidate| candidate.with_refusals(vec![None, None])))
}

#[test]
fn alternatives_are_chosen_where_the_window_is_known_to_be_closed() {
    use Window::{Closed, Open, Unknown};
    let (request, [meta, twilio]) = text_or_template();
    for (first, second, expected) in [
        (Unknown, Unknown, [vec![0, 1], vec![0, 1]]),
        (Open, Closed, [vec![0, 1], vec![1]]),
        (Closed, Open, [vec![1], vec![0, 1]]),
        // Once it is closed, nothing is guessed.
        (Closed, Unknown, [vec![1], vec![1]]),
        (Unknown, Closed, [vec![0, 1], vec![1]]),
        (Closed, Closed, [vec![1], vec![1]]),
    ] {
        let members = [meta.clone().with_window(first), twilio.clone().with_window(second)];
        let [a, b] = expected;
        let expected = [("meta".to_owned(), a), ("twilio".to_owned(), b)];
        assert_eq!(contents(&request, &members), expected, "{first:?} {second:?}");
    }
}

#[test]
fn without_an_alternative_a_closed_window_leaves_a_member_out() {
    let request = PlanRequest { needs_window: vec![true], ..request() };
    let closed = [meta().with_window(Window::Closed), twilio()];
    assert_eq!(order(&request, &closed), "");
    assert_eq!(
        skipped(&request, &closed),
        [
            ("meta".to_owned(), SkipReason::Refuses(ErrorKind::WindowClosed)),
            ("twilio".to_owned(), SkipReason::Refuses(ErrorKind::WindowClosed)),
        ]
    );
    let open = [meta().with_window(Window::Closed), twilio().with_window(Window::Open)];
    assert_eq!(order(&request, &open), "twilio");
    let template = PlanRequest { needs_window: vec![false], ..request };
    assert_eq!(order(&template, &closed), "meta twilio");
}

#[test]
fn an_isolated_member_is_never_tried() {
    let isolated = meta().with_standing(Standing::Isolated);
    let reason = [("meta".to_owned(), SkipReason::Isolated)];
    for request in [
        request(),
        PlanRequest { from: Some(SenderId::new(ProviderId::META, "1")), ..request() },
        PlanRequest { route: Route::Only(ProviderId::META), ..request() },
    ] {
        assert_eq!(order(&request, std::slice::from_ref(&isolated)), "");
        assert_eq!(skipped(&request, std::slice::from_ref(&isolated)), reason);
    }
    assert_eq!(order(&request(), &[isolated.clone(), twilio().with_standing(DOWN)]), "twilio");
    assert_eq!(plan(&request(), &[isolated, twilio()]).preferred, Some(ProviderId::TWILIO));
}

#[test]
fn a_throttled_category_waits_or_leaves() {
    let wait = Some(Duration::from_secs(5));
    let leaves = PlanRequest { leaves_throttled: true, ..request() };
    let first = [meta().with_throttled(wait), twilio()];
    assert_eq!(order(&leaves, &first), "twilio");
    assert_eq!(skipped(&leaves, &first), [("meta".to_owned(), SkipReason::Throttled)]);
    assert_eq!(order(&request(), &first), "");
    assert_eq!(
        skipped(&request(), &first),
        [("meta".to_owned(), SkipReason::Throttled), ("twilio".to_owned(), SkipReason::Waits)]
    );
    let second = [meta(), twilio().with_throttled(wait)];
    assert_eq!(order(&request(), &second), "meta");
    assert_eq!(skipped(&request(), &second), [("twilio".to_owned(), SkipReason::Throttled)]);
    let both = [meta().with_throttled(wait), twilio().with_throttled(wait)];
    assert_eq!(order(&leaves, &both), "meta twilio", "a code that is late is worth nothing");
    assert_eq!(order(&request(), &both), "");
    let elsewhere = [meta().with_standing(DOWN).with_throttled(wait), twilio()];
    assert_eq!(order(&request(), &elsewhere), "twilio", "it would not have gone there");
}

#[test]
fn the_preferred_member_is_the_first_if_all_were_well() {
    let members = [meta().with_standing(DOWN), twilio()];
    assert_eq!(plan(&request(), &members).preferred, Some(ProviderId::META));
    let pinned = PlanRequest { pin: Some(ProviderId::TWILIO), ..request() };
    assert_eq!(plan(&pinned, &members).preferred, Some(ProviderId::TWILIO));
    let refuses = [meta().with_refusals(vec![Some(ErrorKind::Unsupported)]), twilio()];
    assert_eq!(plan(&request(), &refuses).preferred, Some(ProviderId::TWILIO));
    assert_eq!(plan(&request(), &[]).preferred, None);
}
