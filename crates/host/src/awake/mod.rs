//! Keeps the machine awake while a session works or waits for a person.

mod lock;
mod machine;
mod power;

use crate::core::{Core, now_ms};
use lock::Lock;
use machine::{Input, Machine, Output, Seen};
use session::message::{Approval, ApprovalState};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

pub use machine::Settings;

/// The least time between two looks at the sessions.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Does so until the daemon stops.
pub(crate) async fn keep(core: Arc<Core>, settings: Settings) {
    tokio::select! {
        () = work(&core, settings) => {}
        () = core.stopper.stopped() => {}
    }
}

async fn work(core: &Core, settings: Settings) {
    let mut machine = Machine::new(settings, Instant::now());
    let mut lock: Option<Lock> = None;
    let mut changed = core.board.changes();
    loop {
        changed.borrow_and_update();
        machine.handle_input(Input::Sessions(seen(core)), Instant::now());
        while let Some(output) = machine.poll_output() {
            if let Some(input) = act(output, &mut lock).await {
                machine.handle_input(input, Instant::now());
            }
        }
        core.set_awake(machine.report());
        if !settings.enabled {
            return;
        }
        let due = machine.poll_timeout();
        let at = due.unwrap_or_else(Instant::now);
        tokio::select! {
            changed = changed.changed() => match changed {
                Ok(()) => sleep(LOOK_EVERY).await,
                // The board is gone, which is when all ends.
                Err(_) => return,
            },
            () = tokio::time::sleep_until(at.into()), if due.is_some() => {}
            why = lost(&mut lock) => {
                tracing::warn!(why, "the machine is kept awake no longer");
                lock = None;
                machine.handle_input(Input::Lost(why), Instant::now());
            }
        }
        machine.handle_timeout(Instant::now());
    }
}

async fn act(output: Output, lock: &mut Option<Lock>) -> Option<Input> {
    match output {
        Output::LookAtPower => Some(Input::Power(power::now().await)),
        Output::Hold => Some(match Lock::take().await {
            Ok(taken) => {
                tracing::info!("the machine is kept awake");
                *lock = Some(taken);
                Input::Held
            }
            Err(why) => {
                tracing::info!(why, "the machine cannot be kept awake");
                Input::Lost(why)
            }
        }),
        Output::Release => {
            tracing::info!("the machine may sleep");
            if let Some(lock) = lock.take() {
                lock.release().await;
            }
            None
        }
    }
}

async fn lost(lock: &mut Option<Lock>) -> String {
    match lock {
        Some(lock) => lock.lost().await,
        None => std::future::pending().await,
    }
}

/// How long a person's decision is waited for yet.
fn waits(approvals: &[Approval], now: u64) -> Duration {
    let pending = approvals.iter().filter(|one| one.state == ApprovalState::Pending);
    Duration::from_millis(pending.map(|one| one.expires_at.saturating_sub(now)).max().unwrap_or(0))
}

/// The running sessions.
fn seen(core: &Core) -> Vec<Seen> {
    let now = now_ms();
    core.board.running(|summary| Seen {
        id: summary.id.clone(),
        head: summary.head,
        quiet: Duration::from_millis(now.saturating_sub(summary.last_activity)),
        waits: waits(&summary.approvals, now),
    })
}
