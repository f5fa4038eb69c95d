//! What is found, and what is kept.

use super::*;

in_both! {
    entries_are_found_by_reference_page_by_page,
    what_stays_open_is_found,
    what_is_not_needed_is_not_kept,
    erased_is_who_and_what_and_not_how_it_ended,
    purged_is_everything,
    there_may_be_many,
}

async fn entries_are_found_by_reference_page_by_page(world: &World) {
    let World { ledger, clock, .. } = world;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, ledger.record(&hello().with_reference("order-77")).await.unwrap());
        clock.advance(SECOND);
    }
    ledger.record(&hello().with_reference("order-78")).await.unwrap();
    let mut found = Vec::new();
    while let page = ledger.by_reference("order-77", found.last().copied(), 2).await.unwrap()
        && !page.is_empty()
    {
        assert!(page.iter().all(|entry| entry.reference.as_deref() == Some("order-77")));
        found.extend(page.iter().map(|entry| entry.id));
    }
    assert_eq!(found, ids, "the newest first");
}

async fn what_stays_open_is_found(world: &World) {
    let World { ledger, clock, .. } = world;
    let mut ids = Vec::new();
    for number in 1..=4 {
        let id = ledger.record(&hello()).await.unwrap();
        if number > 1 {
            ledger.accept(id, &receipt(number)).await.unwrap();
        }
        ids.push(id);
        clock.advance(SECOND);
    }
    ledger.advance(&status(3, DeliveryState::Delivered)).await.unwrap();
    let of = async |older: Duration, category, after| {
        let page = ledger.undelivered(older, category, after, 10).await.unwrap();
        page.into_iter().map(|entry| entry.id).collect::<Vec<_>>()
    };
    assert_eq!(of(Duration::ZERO, None, None).await, [ids[0], ids[1], ids[3]], "the oldest first");
    assert_eq!(of(Duration::ZERO, Some(Category::Service), Some(ids[0])).await, [ids[1], ids[3]]);
    assert!(of(Duration::ZERO, Some(Category::Marketing), None).await.is_empty());
    // The second was recorded exactly 3 s ago.
    assert_eq!(of(3 * SECOND, None, None).await, [ids[0]]);
    assert_eq!(of(3 * SECOND - Duration::from_millis(1), None, None).await, [ids[0], ids[1]]);
}

async fn what_is_not_needed_is_not_kept(world: &World) {
    let kept = async |ledger: &Arc<dyn Ledger>, message: &OutboundMessage| {
        let id = ledger.record(message).await.unwrap();
        ledger.entry(id).await.unwrap().unwrap().message.is_some()
    };
    assert!(kept(&world.ledger, &hello()).await);
    assert!(!kept(&world.without_content, &hello()).await);
    assert!(!kept(&world.ledger, &hello().with_category(Category::Marketing)).await);
    assert!(!kept(&world.ledger, &OutboundMessage::text(to(), "x".repeat(256 * 1024))).await);
    let id = world.without_content.record(&hello()).await.unwrap();
    let entry = world.without_content.accept(id, &receipt(9)).await.unwrap().unwrap();
    assert_eq!(entry.sent_as, None, "the user's number is in it");
    assert_eq!(world.without_content.by_message(&reference(9)).await.unwrap().unwrap().id, id);
    // Refused is refused, unless it can be sent again under its key.
    let refusal = Error::new(ErrorKind::InvalidMessage, Acceptance::NotAccepted);
    for (message, kept) in [(hello(), false), (hello().with_idempotency_key("order-77"), true)] {
        let id = world.ledger.record(&message).await.unwrap();
        assert_eq!(world.ledger.fail(id, &refusal).await.unwrap().unwrap().message.is_some(), kept);
    }
    let id =
        world.ledger.record(&hello().with_reference("CANARY").with_idempotency_key("CANARY")).await.unwrap();
    let entry = world.ledger.accept(id, &receipt(1)).await.unwrap().unwrap();
    let told = format!("{entry:?} {:?}", world.ledger);
    assert!(!["CANARY", "hello", "+1555", "wamid"].iter().any(|secret| told.contains(secret)), "{told}");
}

async fn erased_is_who_and_what_and_not_how_it_ended(world: &World) {
    let World { ledger, clock, .. } = world;
    let id = ledger.record(&hello().with_reference("order-77")).await.unwrap();
    ledger.accept(id, &receipt(1)).await.unwrap();
    clock.advance(10 * SECOND);
    assert_eq!(ledger.erase(10 * SECOND).await.unwrap(), 0, "not older than that");
    assert_eq!(ledger.erase(9 * SECOND).await.unwrap(), 1);
    assert_eq!(ledger.erase(9 * SECOND).await.unwrap(), 0);
    ledger.accept(id, &receipt(1)).await.unwrap();
    let entry = ledger.advance(&status(1, DeliveryState::Sent)).await.unwrap().unwrap();
    assert_eq!(state_of(&entry), "sent");
    let entry = ledger.by_message(&reference(1)).await.unwrap().unwrap();
    assert_eq!((entry.message, entry.sent_as), (None, None));
    assert_eq!(entry.reference.as_deref(), Some("order-77"));
}

async fn purged_is_everything(world: &World) {
    let World { ledger, clock, .. } = world;
    let message = hello().with_idempotency_key("once");
    let old = ledger.record(&message).await.unwrap();
    ledger.accept(old, &receipt(1)).await.unwrap();
    ledger.advance(&with_attempt(2, DeliveryState::Delivered, vec![])).await.unwrap();
    clock.advance(10 * SECOND);
    ledger.advance(&with_attempt(3, DeliveryState::Delivered, vec![])).await.unwrap();
    let new = ledger.record(&hello()).await.unwrap();
    assert_eq!(ledger.purge(5 * SECOND).await.unwrap(), 1);
    assert_eq!(ledger.entry(old).await.unwrap(), None);
    assert_eq!(ledger.by_message(&reference(1)).await.unwrap(), None);
    assert_eq!(ledger.accept(old, &receipt(1)).await.unwrap(), None, "it is gone for good");
    assert_eq!(ledger.advance(&status(1, DeliveryState::Read)).await.unwrap(), None);
    assert_ne!(ledger.record(&message).await.unwrap(), old);
    // The status that nobody claimed is gone, the younger one is there.
    let both = receipt(3).after(lost(2).attempts().to_vec());
    let entry = ledger.accept(new, &both).await.unwrap().unwrap();
    assert_eq!((entry.state, entry.times.len()), (EntryState::Sent(DeliveryState::Delivered), 1));
}

async fn there_may_be_many(world: &World) {
    let World { ledger, clock, .. } = world;
    for _ in 0..1001 {
        ledger.record(&hello()).await.unwrap();
    }
    clock.advance(SECOND);
    assert_eq!(ledger.erase(Duration::ZERO).await.unwrap(), 1001);
    assert_eq!(ledger.purge(Duration::ZERO).await.unwrap(), 1001);
    assert!(ledger.counts().await.unwrap().is_empty());
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn nothing_is_left_lying() {
    let schema = Schema::new().await;
    let (pool, clock) = (postgres(1).await, TestClock::new());
    let ledger = PostgresLedger::new(pool.clone()).with_table(&schema.name, "sent").unwrap();
    let ledger = ledger.with_clock(Arc::new(clock.clone()));
    ledger.migrate().await.unwrap();
    let session =
        async || -> i32 { sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&pool).await.unwrap() };
    let before = session().await;
    let id = ledger.record(&hello()).await.unwrap();
    ledger.accept(id, &receipt(1)).await.unwrap();
    // A status may be taken down while its entry is purged.
    let gone = format!("DELETE FROM {}.sent", schema.name);
    sqlx::query(sqlx::AssertSqlSafe(gone)).execute(&pool).await.unwrap();
    assert_eq!(ledger.claim_resend(id, &hello()).await.unwrap(), None);
    assert_eq!(session().await, before, "the connection is used again");
    clock.advance(SECOND);
    ledger.purge(Duration::ZERO).await.unwrap();
    let left = format!("SELECT count(*) FROM {}.sent_fact", schema.name);
    let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(left)).fetch_one(&pool).await.unwrap();
    assert_eq!(left, 0);
    schema.drop().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn the_tables_are_nobody_elses() {
    let schema = Schema::new().await;
    let pool = postgres(2).await;
    let ledger = PostgresLedger::new(pool.clone()).with_table(&schema.name, "sent").unwrap();
    assert!(!ledger.migration().contains("message_ledger") && !ledger.migration().contains("public"));
    let second = ledger.clone().with_table(&schema.name, "message_ledger_v2").unwrap();
    second.migrate().await.unwrap();
    second.record(&hello()).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "DROP TABLE {0}.message_ledger_v2, {0}.message_ledger_v2_fact",
        schema.name
    )))
    .execute(&pool)
    .await
    .unwrap();
    for _ in 0..2 {
        ledger.migrate().await.unwrap();
    }
    let secured = "SELECT relname::text FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace \
                   WHERE nspname = $1 AND relkind = 'r' AND relrowsecurity ORDER BY 1";
    let tables: Vec<String> = sqlx::query_scalar(secured).bind(&schema.name).fetch_all(&pool).await.unwrap();
    assert_eq!(tables, ["sent", "sent_fact"]);
    for bad in ["", "2a", "Sent", "a.b", "a\"b", &"x".repeat(41)] {
        assert_eq!(ledger.clone().with_table("a", bad).unwrap_err().field, "table", "{bad:?}");
        assert_eq!(ledger.clone().with_table(bad, "a").unwrap_err().field, "schema", "{bad:?}");
    }
    schema.drop().await;
}
