//! What is drawn over the program: a code for pairing, what became of it, and that the session ends soon.

use super::Screen;
use crate::duration;
use crate::table::{self, clean};
use crate::terminal::pairing::{self, News};
use crate::terminal::panel::{self, Panel};
use client::Route;
use session::ending::NOTICE_MS;
use session::message::{Device, Size};
use std::time::Duration;
use tokio::time::Instant;

/// How far two machines' clocks may be apart, in milliseconds, and what a host says is near still be so here.
const SKEW_MS: u64 = 60_000;

impl Screen {
    pub(super) fn typed_to_panel(&mut self, bytes: &[u8]) {
        match (&self.panel, bytes) {
            (Some(Panel::Link { .. }), b"r" | b"R") => self.fetch_link(),
            (Some(Panel::Link { .. }), b"q" | b"Q" | b"\x1b" | b"\x03")
            | (Some(Panel::Told(_) | Panel::Ending { .. } | Panel::Help), _) => self.close_panel(),
            _ => {}
        }
    }

    pub(super) fn heard(&mut self, news: Option<News>) {
        let (panel, unasked) = match news {
            Some(News::Link(invited)) => {
                self.dies = Some(Instant::now() + Duration::from_secs(u64::from(invited.expires_in)));
                (Panel::Link { url: invited.url, left: invited.expires_in }, false)
            }
            Some(News::Failed(failure)) => (Panel::Told(vec![failure.message, failure.hint]), false),
            Some(News::Paired(device)) => {
                let told = paired(&device);
                self.paired.push(device);
                (Panel::Told(told), true)
            }
            Some(News::Reused) => (Panel::Told(vec![pairing::REUSED.to_owned()]), true),
            None => {
                self.news = None;
                return;
            }
        };
        match &self.panel {
            // Who has come in is told at once. The key that closes it does not reach the program, where it could be
            // the answer to a question nobody has read.
            None if unasked => self.open_panel(panel),
            Some(Panel::Help) if !unasked => {}
            Some(_) => {
                self.panel = Some(panel);
                self.draw();
            }
            None => {}
        }
    }

    /// The session ends by itself soon, or not any more. As with a device that was paired, it is told at once.
    pub(super) fn heard_of_end(&mut self, ends_at: Option<u64>) {
        self.ends_at = ends_at;
        let now = table::now_ms();
        let near = ends_at.filter(|at| *at > now && *at <= now + NOTICE_MS + SKEW_MS);
        if std::mem::take(&mut self.view.quiet) {
            return;
        }
        match (near, &self.panel) {
            (Some(_), None) => self.open_panel(self.end_panel()),
            (Some(_), Some(_)) => {
                self.panel = Some(self.end_panel());
                self.draw();
            }
            (None, Some(Panel::Ending { .. })) => self.close_panel(),
            (None, _) => {}
        }
    }

    fn end_panel(&self) -> Panel {
        let session = match &self.view.host {
            Route::Host(host) => format!("{}/{}", clean(&host.name), self.view.session),
            Route::Daemon(_) | Route::Keeper(_) => self.view.session.to_string(),
        };
        Panel::Ending { session, left: 0 }
    }

    pub(super) fn fetch_link(&mut self) {
        self.dies = None;
        self.news = Some(pairing::start(self.view.host.clone()));
    }

    pub(super) fn open_panel(&mut self, panel: Panel) {
        self.panel = Some(panel);
        self.picture.cover();
        self.draw();
    }

    pub(super) fn close_panel(&mut self) {
        if self.panel.take().is_some() {
            self.picture.uncover();
        }
    }

    pub(super) fn counts_down(&self) -> bool {
        matches!(self.panel, Some(Panel::Link { left: 1.., .. } | Panel::Ending { .. }))
    }

    pub(super) fn draw(&mut self) {
        if let (Some(Panel::Link { left, .. }), Some(dies)) = (&mut self.panel, self.dies) {
            let remaining = dies.saturating_duration_since(Instant::now());
            *left = u32::try_from(remaining.as_secs()).unwrap_or(0);
        }
        if let (Some(Panel::Ending { left, .. }), Some(at)) = (&mut self.panel, self.ends_at) {
            *left = duration::left(at, table::now_ms());
        }
        if let Some(panel) = &self.panel {
            let size = self.size.unwrap_or(Size { cols: 80, rows: 24 });
            self.picture.put(&panel::draw(panel, size, self.view.prefix));
        }
    }
}

/// What a person should know of a device that was paired.
pub fn paired(device: &Device) -> Vec<String> {
    vec![
        format!("Paired: {}", clean(&device.label)),
        format!("Its four words: {}", device.words),
        format!("Not yours? longrein revoke {}", device.id),
    ]
}
