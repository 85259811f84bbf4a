//! An instance's hooks, called on its hook thread.
#![allow(unsafe_code, reason = "calls into plugins, through C pointers")]

mod terminal;

use std::sync::Arc;
use std::time::Duration;

use http::header;
use tidegate_plugin::abi::{self, Buf, Pair, Principal, Request, Status, Str, ext};

use super::callbacks;
use super::given;
use super::library::Library;
use super::queue::{Committed, Gap, Kind, Returned};
use super::shared::Shared;
use crate::frame::{Cursor, Posted, Tags};
use crate::hub::Slot;
use crate::hub::calls::Call;
use crate::hub::moments::{Change, Moment};
use crate::web::PluginRequest;

/// An instance, and which hooks it has. Lives on its hook thread.
pub(super) struct Hooks {
    table: &'static abi::Plugin,
    instance: *mut abi::Instance,
    shared: Arc<Shared>,
    declare: Option<&'static abi::Declare>,
    http: Option<&'static abi::Http>,
    calls: Option<&'static abi::Calls>,
    follow: Option<&'static abi::Follow>,
    flow: Option<&'static abi::Flow>,
    watch: Option<&'static abi::Watch>,
    health: Option<&'static abi::Health>,
}

impl Hooks {
    /// Makes the instance and asks for its extensions.
    pub(super) fn create(library: &Library, shared: &Arc<Shared>, config: &str) -> Result<Self, String> {
        let host = callbacks::host(shared);
        let (mut instance, mut error) = (std::ptr::null_mut(), Buf::EMPTY);
        let create = library.table.create.ok_or("its function `create` is null")?;
        // SAFETY: on the hook thread; the host lives until `destroy`, texts for the call.
        let status = unsafe {
            create(host, Str::new(&shared.name), Str::new(config), &raw mut instance, &raw mut error)
        };
        if status != Status::OK || instance.is_null() {
            return Err(format!("create answered {status}: {}", operator_text(error)));
        }
        let mut hooks = Self {
            table: library.table,
            instance,
            shared: Arc::clone(shared),
            declare: None,
            http: None,
            calls: None,
            follow: None,
            flow: None,
            watch: None,
            health: None,
        };
        // SAFETY: the plugin answers an id with the struct of that id, or null.
        unsafe {
            hooks.declare = hooks.extension(ext::DECLARE);
            hooks.http = hooks.extension(ext::HTTP);
            hooks.calls = hooks.extension(ext::CALLS);
            hooks.follow = hooks.extension(ext::FOLLOW);
            hooks.flow = hooks.extension(ext::FLOW);
            hooks.watch = hooks.extension(ext::WATCH);
            hooks.health = hooks.extension(ext::HEALTH);
        }
        Ok(hooks)
    }

    /// # Safety
    /// `T` is the struct of `id`.
    unsafe fn extension<T>(&self, id: &str) -> Option<&'static T> {
        let extension = self.table.extension?;
        // SAFETY: on the hook thread, with an instance that lives.
        let found = unsafe { extension(self.instance, Str::new(id)) }.cast::<T>();
        if found.is_null() || !found.is_aligned() {
            return None;
        }
        // SAFETY: the plugin promises a struct that holds until `destroy`, and this one ends before.
        Some(unsafe { &*found })
    }

    /// What the instance adds to its manifest: JSON; none where it adds nothing.
    pub(super) fn declare(&self) -> Result<Option<Vec<u8>>, String> {
        let Some(declare) = self.declare.and_then(|table| table.declare) else { return Ok(None) };
        self.ask("declare", declare).map(Some)
    }

    /// Which moments of sessions the instance asks for: JSON; none where it asks for none.
    pub(super) fn watches(&self) -> Result<Option<Vec<u8>>, String> {
        let Some(select) = self.watch.and_then(|table| table.select) else { return Ok(None) };
        self.ask("select", select).map(Some)
    }

    fn ask(
        &self,
        name: &str,
        hook: unsafe extern "C" fn(*mut abi::Instance, *mut Buf, *mut Buf) -> Status,
    ) -> Result<Vec<u8>, String> {
        let (mut json, mut error) = (Buf::EMPTY, Buf::EMPTY);
        // SAFETY: on the hook thread, between `create` and `start`; places for the call.
        let status = unsafe { hook(self.instance, &raw mut json, &raw mut error) };
        if status != Status::OK {
            return Err(format!("{name} answered {status}: {}", operator_text(error)));
        }
        Ok(copy_and_release(json))
    }

    pub(super) fn start(&self) -> Result<(), String> {
        let mut error = Buf::EMPTY;
        let start = self.table.start.ok_or("its function `start` is null")?;
        // SAFETY: on the hook thread, once.
        let status = unsafe { start(self.instance, &raw mut error) };
        if status == Status::OK {
            Ok(())
        } else {
            Err(format!("start answered {status}: {}", operator_text(error)))
        }
    }

    /// Tells it to stop: `OK` where it has, `BUSY` where it goes on.
    pub(super) fn stop(&self, deadline: Duration) -> Status {
        let Some(stop) = self.table.stop else { return Status::INTERNAL };
        // SAFETY: on the hook thread, once, after `start`.
        unsafe { stop(self.instance, deadline.as_millis() as u64) }
    }

    /// Ends the instance. One whose `Hooks` are merely dropped is left where it is.
    pub(super) fn destroy(self) {
        if let Some(destroy) = self.table.destroy {
            // SAFETY: on the hook thread, once; it has stopped, its buffers are released and its requests answered.
            unsafe { destroy(self.instance) };
        }
    }

    /// Whether it answers calls.
    pub(super) fn has_calls(&self) -> bool {
        self.calls.is_some()
    }

    /// Whether it answers requests.
    pub(super) fn has_routes(&self) -> bool {
        self.http.is_some()
    }

    /// Whether it takes events.
    pub(super) fn has_follow(&self) -> bool {
        self.follow.is_some()
    }

    /// Whether it can be asked how it is.
    pub(super) fn has_health(&self) -> bool {
        self.health.is_some()
    }

    /// Asks how it is; the answer comes as to a request.
    pub(super) fn check(&self, number: Request) -> Status {
        let Some(hook) = self.health.and_then(|table| table.check) else { return Status::UNSUPPORTED };
        // SAFETY: on the hook thread, after `start`.
        unsafe { hook(self.instance, number) }
    }

    pub(super) fn http(&self, number: Request, request: &PluginRequest, timeout: Duration) -> Status {
        let Some(hook) = self.http.and_then(|table| table.request) else { return Status::UNSUPPORTED };
        let params: Vec<Pair> = request
            .params
            .iter()
            .map(|(name, value)| Pair { name: Str::new(name), value: Str::new(value) })
            .collect();
        // Credentials are the gateway's business.
        let secret = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];
        let headers: Vec<Pair> = request
            .headers
            .iter()
            .filter(|(name, _)| !secret.contains(name))
            .map(|(name, value)| Pair { name: Str::new(name.as_str()), value: Str::bytes(value.as_bytes()) })
            .collect();
        let (roles, permissions) = rights(&request.principal);
        let body = given::hand(&self.shared, request.body.clone());
        let lent = abi::HttpRequest {
            request: number,
            route: request.index,
            reserved: 0,
            method: Str::new(request.method.as_str()),
            path: Str::new(&request.path),
            query: Str::new(&request.query),
            params: params.as_ptr(),
            params_len: params.len() as u64,
            headers: headers.as_ptr(),
            headers_len: headers.len() as u64,
            principal: principal(&request.principal, &roles, &permissions),
            request_id: Str::new(&request.request_id),
            address: Str::new(&request.address),
            timeout_ms: timeout.as_millis() as u64,
            body,
        };
        // SAFETY: on the hook thread, after `start`; all that is lent holds for the call.
        let status = unsafe { hook(self.instance, &raw const lent) };
        if status != Status::OK {
            given::take_back(body);
        }
        status
    }

    pub(super) fn call(
        &self,
        number: Request,
        index: u32,
        slot: Option<Slot>,
        call: &Call,
        timeout: Duration,
    ) -> Status {
        let Some(hook) = self.calls.and_then(|table| table.call) else { return Status::UNSUPPORTED };
        let (roles, permissions) = rights(&call.principal);
        let data = given::hand(&self.shared, call.data.clone());
        let lent = abi::Call {
            request: number,
            call: index,
            flags: if call.streams { abi::CALL_STREAMS } else { 0 },
            name: Str::new(&call.name),
            session: slot.map_or(0, callbacks::session_number),
            connection_id: Str::new(&call.session),
            room: Str::new(call.room.as_deref().unwrap_or_default()),
            principal: principal(&call.principal, &roles, &permissions),
            timeout_ms: timeout.as_millis() as u64,
            data,
        };
        // SAFETY: on the hook thread, after `start`; all that is lent holds for the call.
        let status = unsafe { hook(self.instance, &raw const lent) };
        if status != Status::OK {
            given::take_back(data);
        }
        status
    }

    pub(super) fn cancelled(&self, number: Request, kind: Kind) {
        let hook = match kind {
            Kind::Http => self.http.and_then(|table| table.cancelled),
            Kind::Call => self.calls.and_then(|table| table.cancelled),
        };
        if let Some(hook) = hook {
            // SAFETY: on the hook thread, after `start`.
            unsafe { hook(self.instance, number) };
        }
    }

    pub(super) fn event(&self, posted: &Posted) {
        let Some(hook) = self.follow.and_then(|table| table.event) else { return };
        let epoch = posted.cursor.epoch.to_string();
        let pair = |(name, value)| abi::Pair { name: Str::new(name), value: Str::new(value) };
        let tags: Vec<abi::Pair> = posted.tags.iter().flat_map(Tags::iter).map(pair).collect();
        let data = given::hand(&self.shared, posted.payload());
        let lent = abi::Followed {
            room: Str::new(&posted.room.name),
            kind: Str::new(&posted.kind.name),
            source: Str::new(&posted.source),
            key: Str::new(posted.key.as_deref().unwrap_or_default()),
            id: Str::EMPTY,
            tags: if tags.is_empty() { std::ptr::null() } else { tags.as_ptr() },
            tags_len: tags.len() as u64,
            time: posted.time.0,
            cursor: cursor(posted.cursor, &epoch),
            data,
        };
        // SAFETY: on the hook thread, after `start`; all that is lent holds for the call.
        if unsafe { hook(self.instance, &raw const lent) } != Status::OK {
            given::take_back(data);
        }
    }

    pub(super) fn gap(&self, gap: &Gap) {
        let Some(hook) = self.follow.and_then(|table| table.gap) else { return };
        let (after, until) = (gap.after.epoch.to_string(), gap.until.epoch.to_string());
        let lent = abi::Gap {
            room: Str::new(&gap.room),
            count: gap.count,
            after: cursor(gap.after, &after),
            until: cursor(gap.until, &until),
        };
        // SAFETY: on the hook thread, after `start`; all that is lent holds for the call.
        unsafe { hook(self.instance, &raw const lent) };
    }

    pub(super) fn session(&self, moment: &Moment) {
        let Some(hook) = self.watch.and_then(|table| table.session) else { return };
        let (kind, code, reason) = match &moment.change {
            Change::Open => (abi::WATCH_OPEN, 0, ""),
            Change::Join(_) => (abi::WATCH_JOIN, 0, ""),
            Change::Leave(_) => (abi::WATCH_LEAVE, 0, ""),
            Change::Close { code, reason } => (abi::WATCH_CLOSE, u32::from(*code), &**reason),
        };
        let (roles, permissions) = rights(&moment.principal);
        let lent = abi::SessionEvent {
            kind,
            code,
            session: callbacks::session_number(moment.slot),
            connection_id: Str::new(&moment.connection_id),
            endpoint: Str::new(&moment.endpoint),
            room: Str::new(moment.change.room().map_or("", |room| room)),
            reason: Str::new(reason),
            principal: principal(&moment.principal, &roles, &permissions),
            time: moment.time.0,
        };
        // SAFETY: on the hook thread, after `start`; all that is lent holds for the call.
        unsafe { hook(self.instance, &raw const lent) };
    }

    pub(super) fn committed(&self, committed: &Committed) {
        let Some(hook) = self.flow.and_then(|table| table.committed) else { return };
        let epochs: Vec<String> = committed.cursors.iter().map(|cursor| cursor.epoch.to_string()).collect();
        let cursors: Vec<abi::Cursor> =
            committed.cursors.iter().zip(&epochs).map(|(place, epoch)| cursor(*place, epoch)).collect();
        let (token, count, status) = (committed.token, committed.count, committed.status);
        // SAFETY: on the hook thread, after `start` has returned; the cursors hold for the call.
        unsafe { hook(self.instance, token, 0, count, cursors.as_ptr(), cursors.len() as u64, status) };
    }

    pub(super) fn resume(&self, number: Request) {
        if let Some(hook) = self.flow.and_then(|table| table.resume) {
            // SAFETY: on the hook thread, after `start`.
            unsafe { hook(self.instance, number) };
        }
    }

    pub(super) fn lost(&self, hook: abi::LeaseLost, lease: abi::Lease) {
        if let Some(hook) = hook {
            // SAFETY: on the hook thread, after `start`.
            unsafe { hook(self.instance, lease) };
        }
    }

    pub(super) fn release(buffer: &Returned) {
        if let Some(release) = buffer.release {
            // SAFETY: on the hook thread; the last reader of the buffer is gone, and this is called once for it.
            unsafe { release(buffer.owner) };
        }
    }
}

fn cursor(cursor: Cursor, epoch: &str) -> abi::Cursor {
    abi::Cursor { epoch: Str::new(epoch), offset: cursor.offset }
}

fn rights(principal: &crate::identity::Principal) -> (Vec<Str>, Vec<Str>) {
    use crate::identity::Scopes;
    let roles = principal.roles.iter().map(|role| Str::new(role)).collect();
    let permissions = match &principal.scopes {
        Scopes::All => ["publish", "admin", "read"].into_iter().map(Str::new).collect(),
        Scopes::Some(scopes) => scopes.iter().map(|scope| Str::new(scope)).collect(),
        Scopes::None => Vec::new(),
    };
    (roles, permissions)
}

fn principal(principal: &crate::identity::Principal, roles: &[Str], permissions: &[Str]) -> Principal {
    Principal {
        user: Str::new(principal.user.as_deref().unwrap_or_default()),
        roles: roles.as_ptr(),
        roles_len: roles.len() as u64,
        permissions: permissions.as_ptr(),
        permissions_len: permissions.len() as u64,
    }
}

/// A text for the operator, given by the plugin.
fn operator_text(buf: Buf) -> String {
    let text = String::from_utf8_lossy(&copy_and_release(buf)).into_owned();
    if text.is_empty() { "it does not say why".to_owned() } else { text }
}

fn copy_and_release(buf: Buf) -> Vec<u8> {
    // SAFETY: given by the plugin: the bytes hold until they are released, which is done once, here.
    let bytes = unsafe { buf.as_bytes() }.to_vec();
    if let Some(release) = buf.release {
        // SAFETY: as above; on the hook thread.
        unsafe { release(buf.owner) };
    }
    bytes
}
