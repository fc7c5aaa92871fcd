//! The controllers' queue in a simulation: one slot a key, in an order that the seed alone decides.
//!
//! What kube-runtime does for the product, done in one task: its own queue polls passes in the order of a hash map, which is another
//! one in each process. Who is woken by what is the product's own, and so are the passes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jackin_api::kinds::{Agent, Image, Instance, Role, Workspace};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::context::Context;
use crate::pass::Next;
use crate::reconcile::wake::{Wake, Wakes};
use crate::reconcile::{image, instance, object, workspace};

/// Namespace and name.
type Name = (String, String);

/// What a slot is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Role(Name),
    Agent(Name),
    Workspace(Name),
    Image(Name),
    Instance(Name),
}

/// Objects as the watches told of them.
#[derive(Default)]
struct Seen {
    roles: BTreeMap<Name, Arc<Role>>,
    agents: BTreeMap<Name, Arc<Agent>>,
    workspaces: BTreeMap<Name, Arc<Workspace>>,
    images: BTreeMap<Name, Arc<Image>>,
    instances: BTreeMap<Name, Arc<Instance>>,
}

#[derive(Clone)]
struct Board {
    seen: Arc<Mutex<Seen>>,
    requests: mpsc::UnboundedSender<Key>,
}

impl Board {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, key: Key) {
        _ = self.requests.send(key);
    }

    fn wake_instances(&self, found: Vec<ObjectRef<Instance>>) {
        for one in found {
            self.wake(Key::Instance(named(one)));
        }
    }
}

fn named<K: Resource<DynamicType = ()>>(found: ObjectRef<K>) -> Name {
    (found.namespace.unwrap_or_default(), found.name)
}

fn name(object: &impl ResourceExt) -> Name {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// Starts the controllers in the runtime of now.
pub(super) fn start(context: &Arc<Context>, wakes: &Wakes) {
    let (requests, received) = mpsc::unbounded_channel();
    let board = Board { seen: Arc::default(), requests };
    tokio::spawn(follow(context.clone(), board.clone(), see_role));
    tokio::spawn(follow(context.clone(), board.clone(), see_agent));
    tokio::spawn(follow(context.clone(), board.clone(), see_workspace));
    tokio::spawn(follow(context.clone(), board.clone(), see_image));
    tokio::spawn(follow(context.clone(), board.clone(), see_instance));
    tokio::spawn(listen(wakes.clone(), board.clone()));
    tokio::spawn(run(context.clone(), board, received));
}

/// One watch of a kind; `see` keeps an object, or forgets it, and wakes whom that concerns.
async fn follow<K>(context: Arc<Context>, board: Board, see: fn(&Board, K, bool))
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut events = std::pin::pin!(watcher(Api::<K>::all(context.client.clone()), watcher::Config::default()));
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => see(&board, object, true),
            Ok(Event::Delete(object)) => see(&board, object, false),
            Ok(Event::Init | Event::InitDone) => {}
            Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
}

fn keep<K>(kept: &mut BTreeMap<Name, Arc<K>>, object: K, there: bool)
where
    K: Resource<DynamicType = ()>,
{
    let key = name(&object);
    if there { drop(kept.insert(key, Arc::new(object))) } else { drop(kept.remove(&key)) }
}

fn see_role(board: &Board, role: Role, there: bool) {
    let key = name(&role);
    let mut seen = board.seen();
    let instances: Vec<_> = seen.instances.values().cloned().collect();
    let workspaces: Vec<_> = seen.workspaces.values().cloned().collect();
    let (woken, spaces) = (instance::woken_by_role(&instances, &role), workspace::woken_by_role(&workspaces, &role));
    keep(&mut seen.roles, role, there);
    drop(seen);
    if there {
        board.wake(Key::Role(key));
    }
    spaces.into_iter().for_each(|space| board.wake(Key::Workspace(named(space))));
    board.wake_instances(woken);
}

fn see_agent(board: &Board, agent: Agent, there: bool) {
    let key = name(&agent);
    let mut seen = board.seen();
    let instances: Vec<_> = seen.instances.values().cloned().collect();
    keep(&mut seen.agents, agent, there);
    drop(seen);
    if there {
        board.wake(Key::Agent(key));
    }
    board.wake_instances(instance::woken_by_agent(&instances));
}

fn see_workspace(board: &Board, workspace: Workspace, there: bool) {
    let key = name(&workspace);
    keep(&mut board.seen().workspaces, workspace, there);
    if there {
        board.wake(Key::Workspace(key));
    }
}

fn see_image(board: &Board, image: Image, there: bool) {
    let key = name(&image);
    let mut seen = board.seen();
    let instances: Vec<_> = seen.instances.values().cloned().collect();
    let woken = instance::woken_by_image(&instances, &image);
    keep(&mut seen.images, image, there);
    drop(seen);
    if there {
        board.wake(Key::Image(key));
    }
    board.wake_instances(woken);
}

fn see_instance(board: &Board, instance: Instance, there: bool) {
    let key = name(&instance);
    for owner in instance.owner_references().iter().filter(|owner| owner.controller == Some(true)) {
        board.wake(Key::Workspace((key.0.clone(), owner.name.clone())));
    }
    keep(&mut board.seen().instances, instance, there);
    if there {
        board.wake(Key::Instance(key));
    }
}

/// Wakes from outside the store.
async fn listen(wakes: Wakes, board: Board) {
    let mut wakes = std::pin::pin!(wakes.all());
    while let Some(wake) = wakes.next().await {
        match wake {
            Wake::Instance { namespace, name } => {
                let instances: Vec<_> = board.seen().instances.values().cloned().collect();
                let named_so = ObjectRef::new(&name).within(&namespace);
                board.wake(Key::Instance(named(instance::of_identity(&instances, named_so))));
            }
            Wake::Workspace { namespace, name } => board.wake(Key::Workspace((namespace, name))),
            Wake::Image { namespace, name } => board.wake(Key::Image((namespace, name))),
        }
    }
}

/// Takes requests and runs passes: earlier wins, and a request for a running key is held until its pass ended.
async fn run(context: Arc<Context>, board: Board, mut received: mpsc::UnboundedReceiver<Key>) {
    let mut due: BTreeMap<Key, Instant> = BTreeMap::new();
    let mut running: BTreeSet<Key> = BTreeSet::new();
    let mut passes = FuturesUnordered::new();
    loop {
        let now = Instant::now();
        let ready = due.iter().filter(|(key, when)| **when <= now && !running.contains(*key));
        for key in ready.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            due.remove(&key);
            running.insert(key.clone());
            passes.push(work(context.clone(), board.clone(), key));
        }
        let next = due.iter().filter(|(key, _)| !running.contains(*key)).map(|(_, when)| *when).min();
        tokio::select! {
            biased;
            Some((key, next)) = passes.next(), if !passes.is_empty() => {
                running.remove(&key);
                if let Next::After(wait) = next {
                    earlier(&mut due, key, Instant::now() + wait);
                }
            }
            Some(key) = received.recv() => earlier(&mut due, key, Instant::now()),
            () = tokio::time::sleep_until(next.unwrap_or(now)), if next.is_some() => {}
            else => return,
        }
    }
}

fn earlier(due: &mut BTreeMap<Key, Instant>, key: Key, when: Instant) {
    let known = due.entry(key).or_insert(when);
    *known = when.min(*known);
}

async fn work(context: Arc<Context>, board: Board, key: Key) -> (Key, Next) {
    macro_rules! pass {
        ($kept:ident, $module:ident, $name:expr) => {{
            let found = board.seen().$kept.get($name).cloned();
            match found {
                None => Next::OnChange,
                Some(found) => match $module::reconcile(found.clone(), context.clone()).await {
                    Ok(next) => next,
                    Err(error) => $module::again(found, &error, context.clone()),
                },
            }
        }};
    }
    let next = match &key {
        Key::Role(name) => pass!(roles, object, name),
        Key::Agent(name) => pass!(agents, object, name),
        Key::Workspace(name) => pass!(workspaces, workspace, name),
        Key::Image(name) => pass!(images, image, name),
        Key::Instance(name) => pass!(instances, instance, name),
    };
    (key, next)
}
