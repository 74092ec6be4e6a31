//! What several shards hold, as if it were one stack.

use stack::Entry;

/// The entries of all shards: each listener once, with the sums of its queues and the highest of its levels.
pub(super) fn entries(mut shards: Vec<Vec<Entry>>) -> Vec<Entry> {
    let others = shards.split_off(shards.len().min(1));
    let mut all = shards.pop().unwrap_or_default();
    // They stand first, so that of a hundred thousand entries not each is looked at for each.
    let listeners = all.iter().filter(|entry| is_listener(entry)).count();
    for entry in others.into_iter().flatten() {
        let known = is_listener(&entry).then(|| all.iter_mut().take(listeners));
        if !known.is_some_and(|mut known| known.any(|known| merge_listener(known, &entry))) {
            all.push(entry);
        }
    }
    all
}

const fn is_listener(entry: &Entry) -> bool {
    matches!(entry, Entry::Listener { .. })
}

/// Adds what another shard says of the same listener; false if it is something else.
fn merge_listener(known: &mut Entry, other: &Entry) -> bool {
    let Entry::Listener {
        id,
        local,
        syn_queue,
        accept_queue,
        stateless,
        level,
        ..
    } = known
    else {
        return false;
    };
    let Entry::Listener {
        id: other_id,
        local: other_local,
        syn_queue: other_syn_queue,
        accept_queue: other_accept_queue,
        stateless: other_stateless,
        level: other_level,
        ..
    } = other
    else {
        return false;
    };
    if (&*id, &*local) != (other_id, other_local) {
        return false;
    }
    for (sum, more) in [(syn_queue, other_syn_queue), (accept_queue, other_accept_queue)] {
        *sum = (sum.0 + more.0, sum.1 + more.1);
    }
    *stateless |= other_stateless;
    *level = (*level).max(*other_level);
    true
}
