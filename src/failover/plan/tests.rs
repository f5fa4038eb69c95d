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
    assert_eq!(plan.steps, [Step { member: ProviderId::META, contents: vec![1, 2], unwell: false }]);
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
    for kind in ErrorKind::ALL.iter().copied() {
        let members = [meta().with_refusals(vec![Some(kind)]), twilio()];
        let expected = if ends_everything(kind) { "" } else { "twilio" };
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
