//! The steps of a script that take no argument: calls of users, and what befalls a host or a link.

use stack::Stack;

use super::conversation::Pending;
use super::host::now_of;
use super::recorder::Recorder;
use super::{World, secrets};
use crate::script::plan::Step;
use crate::script::{Call, Reading};

impl World {
    pub(super) fn call(&mut self, step: &Step, call: Call) -> Result<(), String> {
        match call {
            Call::Shutdown | Call::Close => {
                let place = self.place(step)?;
                let conversation = &mut self.hosts[step.host].conversations[place];
                conversation.pending.push_back(Pending::Call(call));
                self.converse(step.host, place);
                Ok(())
            }
            Call::Abort => {
                let place = self.place(step)?;
                // An abort waits for nothing.
                let conversation = &mut self.hosts[step.host].conversations[place];
                conversation.pending.clear();
                conversation.pending.push_back(Pending::Call(call));
                self.converse(step.host, place);
                Ok(())
            }
            Call::Accept => self.accept(step),
            Call::CloseListener => self.close_listeners(step.host),
            Call::FinishAll => {
                self.with_all(step.host, Call::Shutdown);
                Ok(())
            }
            Call::CloseAll => {
                self.with_all(step.host, Call::Close);
                Ok(())
            }
            Call::Vanish | Call::Return => {
                let has_vanished = call == Call::Vanish;
                self.hosts[step.host].has_vanished = has_vanished;
                let text = if has_vanished { "vanishes" } else { "is back" };
                self.mark(step.host, None, text, None);
                Ok(())
            }
            Call::Reboot => {
                self.reboot(step.host);
                Ok(())
            }
            Call::Calm => {
                let links = self.wires.iter_mut();
                let of_host = links.filter(|wire| wire.from == step.host || wire.to == step.host);
                of_host.for_each(|wire| wire.link.calm());
                self.mark(step.host, None, "its links are calm", None);
                Ok(())
            }
        }
    }

    fn accept(&mut self, step: &Step) -> Result<(), String> {
        let mut met = Vec::new();
        let host = &mut self.hosts[step.host];
        let listeners = host.listeners.clone();
        let is_accepted = listeners
            .into_iter()
            .any(|listening| host.accept(self.now, listening, &mut met));
        met.into_iter().for_each(|met| self.meet(step.host, met));
        if is_accepted {
            Ok(())
        } else {
            Err("accept: no connection waits".to_owned())
        }
    }

    fn close_listeners(&mut self, host: usize) -> Result<(), String> {
        let now = now_of(self.now);
        let at = &mut self.hosts[host];
        for listening in std::mem::take(&mut at.listeners) {
            at.stack
                .close_listener(now, listening.id)
                .map_err(|error| error.to_string())?;
        }
        self.mark(host, None, "CLOSE (listener)", None);
        Ok(())
    }

    /// Every user of a host reads all from now on, and makes this call after all that it was to send.
    fn with_all(&mut self, host: usize, call: Call) {
        for place in 0..self.hosts[host].conversations.len() {
            let conversation = &mut self.hosts[host].conversations[place];
            if conversation.id.is_some() {
                conversation.reading = Reading::Everything;
                conversation.is_readable = true;
                conversation.pending.push_back(Pending::Call(call));
                self.converse(host, place);
            }
        }
    }

    /// A host begins anew: its users are gone, and its stack knows nothing.
    fn reboot(&mut self, host: usize) {
        self.reboots += 1;
        let at = &mut self.hosts[host];
        let secrets = secrets(self.seed, &format!("{} {}", at.name, self.reboots));
        at.stack = Stack::new(at.plan.config.clone(), secrets, Recorder::default());
        at.listeners.clear();
        at.states.clear();
        at.reopening.clear();
        at.ended.clear();
        for conversation in &mut at.conversations {
            conversation.id = None;
        }
        self.mark(host, None, "reboots", None);
    }

    /// Cuts the link between two hosts, or makes it whole again.
    pub(super) fn cut(&mut self, host: usize, to: usize, is_cut: bool) -> Result<(), String> {
        let links = self.wires.iter_mut();
        let between = links.filter(|wire| [(host, to), (to, host)].contains(&(wire.from, wire.to)));
        let struck = between.map(|wire| wire.link.cut(is_cut)).count();
        if struck == 0 {
            return Err(format!("no link leads to {}", self.hosts[to].name));
        }
        let what = if is_cut { "cut" } else { "whole again" };
        let text = format!("the link to {} is {what}", self.hosts[to].name);
        self.mark(host, None, text, None);
        Ok(())
    }
}
