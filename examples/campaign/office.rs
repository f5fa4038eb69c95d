//! The office: writes the campaign into the outbox, takes the statuses in, kills the worker, and counts.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use whatsapp_provider::clock::{Clock, TokioClock};
use whatsapp_provider::failover::FailoverProvider;
use whatsapp_provider::outbound::Template;
use whatsapp_provider::queue::{Queue, RowStatus};
use whatsapp_provider::simulator::{Delivery, Simulator, SimulatorServer};
use whatsapp_provider::state::StateStore;
use whatsapp_provider::{
    Category, OutboundMessage, PhoneNumber, WebhookRequest, WhatsAppProvider, WhatsAppProviderExt,
};

use super::desk::Desk;
use super::worker::{Place, Process, patient};
use super::{Options, Problem};

/// How long sending a message may take. After a worker's death its messages are in doubt for a little longer than that.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);

/// An answer that takes longer waits for the campaign, or for the row of a worker that was killed with it in its hands.
const PROMPT: Duration = Duration::from_secs(10);

/// What was not clear when a worker died, and what became clear later.
#[derive(Debug, Default)]
struct Doubt {
    /// Messages that may have been sent.
    rows: usize,
    /// Those of them that no status tells of, and that were therefore written anew.
    anew: usize,
}

pub(crate) async fn run(
    options: Options,
    place: Place,
    outbox: impl Queue<OutboundMessage>,
    store: impl StateStore,
) -> Result<bool, Problem> {
    let simulator = Simulator::new(Arc::new(TokioClock::new()));
    let server = simulator.serve().await?;
    // It sends nothing. It learns from statuses, through the store that the workers have, too.
    let whatsapp = FailoverProvider::builder()
        .primary(simulator.meta().build()?)
        .fallback(simulator.twilio().build()?)
        .policy(patient())
        .store(store)
        .build()?;

    for n in (0..options.messages).step_by(500) {
        let messages: Vec<_> = (n..options.messages.min(n + 500)).map(template).collect::<Result<_, _>>()?;
        outbox.accept(&messages).await?;
    }
    println!("{} templates are in the outbox", options.messages);

    let (desk, began) = (Desk::default(), Instant::now());
    let mut worker = Process::start(&place, &server, options.rate)?;
    tokio::select! {
        done = desk.work(options.messages, &outbox) => done?,
        done = statuses(&simulator, &whatsapp) => done?,
        done = campaign(options, &place, &server, &mut worker, &outbox) => done?,
    }
    let doubt = tokio::select! {
        done = statuses(&simulator, &whatsapp) => return done.map(|()| false),
        doubt = settle(&outbox) => doubt?,
    };
    println!("done in {:.1} s", began.elapsed().as_secs_f64());
    Ok(report(options, &doubt, &desk, &simulator.deliveries()))
}

/// A customer. The campaign goes to all of them, and some of them ask something meanwhile.
pub(crate) fn customer(n: usize) -> Result<PhoneNumber, Problem> {
    Ok(PhoneNumber::from_digits(&(15_551_000_000 + n).to_string())?)
}

fn template(n: usize) -> Result<OutboundMessage, Problem> {
    let name = format!("customer/{n}");
    let template = Template::new("autumn_sale", "en_US").with_body(["20 %"]);
    Ok(OutboundMessage::template(customer(n)?, template)
        .with_category(Category::Marketing)
        .with_reference(&*name)
        .with_idempotency_key(name)
        .with_deadline(DEADLINE))
}

/// Kills the worker again and again while the campaign goes out. Ends when all of it is done or in doubt.
async fn campaign(
    options: Options,
    place: &Place,
    server: &SimulatorServer,
    worker: &mut Process,
    outbox: &impl Queue<OutboundMessage>,
) -> Result<(), Problem> {
    let mut kills = 0;
    let mut told = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let counts = outbox.counts().await?;
        let ended = usize::try_from(counts.done + counts.review + counts.dead)?;
        if worker.has_ended() {
            return Err("the worker ended by itself".into());
        }
        if kills < options.kills && ended >= options.messages * (kills + 1) / (options.kills + 1) {
            kills += 1;
            worker.kill();
            *worker = Process::start(place, server, options.rate)?;
            println!("{ended:>6} done, the worker was killed in the middle of its work");
        } else if told.elapsed() > Duration::from_secs(5) {
            told = Instant::now();
            println!("{ended:>6} done");
        }
        if kills == options.kills && ended >= options.messages {
            return Ok(());
        }
    }
}

/// Takes the providers' statuses in, as a webhook handler would: a message that is `sent` was accepted, whatever became of
/// the worker that sent it.
async fn statuses(simulator: &Simulator, whatsapp: &FailoverProvider) -> Result<(), Problem> {
    loop {
        let mut due = simulator.due_webhooks();
        // The later states of a message say nothing that is needed here.
        due.retain(|webhook| String::from_utf8_lossy(webhook.request.body()).contains("\"status\":\"sent\""));
        for some in due.chunks(50) {
            let Some(webhook) = simulator.batch(some.to_vec()) else { continue };
            let request = WebhookRequest::from_http(&webhook.request, TokioClock::new().now());
            whatsapp.record(&whatsapp.receive(&request)?).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Settles what was in doubt. Driven again, a message that a status tells of is done without being sent. What no status
/// tells of by then was not accepted: here that is certain, because the simulated provider always says so. Of a real one
/// somebody would have to decide.
async fn settle(outbox: &impl Queue<OutboundMessage>) -> Result<Doubt, Problem> {
    let mut doubt = Doubt::default();
    let mut driven = false;
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let counts = outbox.counts().await?;
        if counts.pending + counts.processing > 0 {
            continue;
        }
        let parked = outbox.parked(0, usize::from(u16::MAX)).await?;
        if let Some(dead) = parked.iter().find(|row| row.status == RowStatus::Dead) {
            return Err(format!("a message was given up: {:?}", dead.reason).into());
        }
        let rows: Vec<i64> = parked.iter().map(|row| row.row).collect();
        if rows.is_empty() {
            return Ok(doubt);
        }
        if !driven {
            driven = true;
            doubt.rows = rows.len();
            outbox.redrive(&rows).await?;
            continue;
        }
        let again = |payload: &str| -> Result<OutboundMessage, serde_json::Error> {
            let mut message: OutboundMessage = serde_json::from_str(payload)?;
            message.idempotency_key = message.idempotency_key.map(|key| format!("{key}/again"));
            Ok(message)
        };
        let messages: Vec<_> = parked.iter().map(|row| again(&row.payload)).collect::<Result<_, _>>()?;
        doubt.anew += messages.len();
        outbox.accept(&messages).await?;
        outbox.discard(&rows).await?;
    }
}

/// Prints what came of it, and says whether all is as it should be.
fn report(options: Options, doubt: &Doubt, desk: &Desk, deliveries: &[Delivery]) -> bool {
    let mut received: HashMap<&str, usize> = HashMap::new();
    for reference in deliveries.iter().filter_map(|delivery| delivery.reference.as_deref()) {
        *received.entry(reference).or_default() += 1;
    }
    let once = |name: &str| received.get(name) == Some(&1);
    let customers = (0..options.messages).filter(|n| once(&format!("customer/{n}"))).count();
    let answers = desk.answers();
    let answered = answers.iter().filter(|name| once(name)).count();
    let twice = received.values().filter(|times| **times > 1).count();
    println!("{} messages were in doubt, {} of them had not been sent", doubt.rows, doubt.anew);
    println!("{customers} of {} customers received the template once, {twice} twice", options.messages);
    println!("{answered} of {} questions were answered once", answers.len());
    println!("{} messages in the fullest second, of {} allowed", fullest_second(deliveries), options.rate);
    let delays = desk.delays(deliveries);
    let at = |share: usize| delays.get(delays.len() * share / 100).copied().unwrap_or_default().as_secs_f64();
    let longest = delays.last().copied().unwrap_or_default().as_secs_f64();
    println!(
        "answers took {:.2} s, one in 20 longer than {:.2} s, and {longest:.2} s at most",
        at(50),
        at(95)
    );
    let prompt = !delays.is_empty() && at(95) < PROMPT.as_secs_f64();
    customers == options.messages && answered == answers.len() && twice == 0 && prompt
}

/// The most messages that arrived within a second, wherever it begins.
fn fullest_second(deliveries: &[Delivery]) -> usize {
    let mut times: Vec<u64> = deliveries.iter().map(|delivery| delivery.at.unix_millis()).collect();
    times.sort_unstable();
    let before = |end: u64| times.partition_point(|time| *time < end);
    times.iter().enumerate().map(|(first, start)| before(start + 1_000) - first).max().unwrap_or(0)
}
