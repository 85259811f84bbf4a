//! Rules for rooms, matched by the longest prefix of their names.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::cache::Caching;
use crate::frame::Yields;
use crate::history::Keep;
use crate::history::log::Fsync;
use crate::identity::{Pattern, Principal};

/// Rooms of users.
const USERS: &str = "user:";

/// Who may do a thing in a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Who {
    /// Every session.
    #[default]
    Anyone,
    /// Whoever has shown who it is.
    Authenticated,
    /// The user whose room it is: whose id follows `user:`, or else the rule's prefix, in the room's name.
    Owner,
    /// Who has this role.
    Role(Arc<str>),
    /// Whose token has this claim, and means this room with it where it can.
    Claim(Arc<str>),
    /// No session: only plugins and the API.
    Nobody,
}

/// What happens where more waits for a slow session than may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slow {
    /// It is closed.
    #[default]
    Disconnect,
    /// The events that have waited longest are dropped, and it is told which.
    DropOldest,
    /// All but the newest of each key (of those without a key: the newest) are dropped, and it is told which.
    Latest,
    /// What waits is dropped and read again from the room's history, at the session's pace.
    CatchUp,
}

impl Slow {
    /// What of a room's events may be dropped then.
    pub fn yields(self) -> Yields {
        match self {
            Self::Disconnect => Yields::Nothing,
            Self::DropOldest => Yields::Oldest,
            Self::Latest => Yields::Superseded,
            Self::CatchUp => Yields::All,
        }
    }
}

/// What holds for the rooms whose names start with `prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The start of the names.
    pub prefix: String,
    /// The class of its rooms in metrics, which [`Rules`] gives: 0 is that of the empty prefix.
    pub class: u16,
    /// Which sessions may join.
    pub join: Who,
    /// Which sessions may publish.
    pub publish: Who,
    /// Which sessions may see who is in.
    pub presence: Who,
    /// What is kept.
    pub keep: Keep,
    /// Whether that is kept in the log, and how safe it is there before it is published.
    pub durable: Option<Fsync>,
    /// Which events those get who join.
    pub cache: Caching,
    /// Whether its members are told who comes and leaves.
    pub join_leave: bool,
    /// Whether it is kept how far the user has got whose room it is.
    pub inbox: bool,
    /// What becomes of its events where a member does not take them in time.
    pub slow: Slow,
    /// What a member may have become of them instead.
    pub slow_choice: Box<[Slow]>,
    /// Members at most; 0: no limit.
    pub max_members: usize,
}

impl Default for Rule {
    /// Every session may join and publish, and whoever has shown who it is may see who is there.
    fn default() -> Self {
        Self {
            prefix: String::new(),
            class: 0,
            join: Who::Anyone,
            publish: Who::Anyone,
            presence: Who::Authenticated,
            keep: Keep::default(),
            durable: None,
            cache: Caching::default(),
            join_leave: false,
            inbox: false,
            slow: Slow::default(),
            slow_choice: Box::default(),
            max_members: 0,
        }
    }
}

impl Rule {
    /// Whether `principal` may join the room `name`, which the rule is for.
    pub fn lets_join(&self, principal: &Principal, name: &str) -> bool {
        self.takes_in(&self.join, principal, name)
    }

    /// Whether `principal` may publish to it.
    pub fn lets_publish(&self, principal: &Principal, name: &str) -> bool {
        self.takes_in(&self.publish, principal, name)
    }

    /// Whether `principal` may see who is in it.
    pub fn shows_presence(&self, principal: &Principal, name: &str) -> bool {
        self.takes_in(&self.presence, principal, name)
    }

    /// Whether a room outlives its members, for what it keeps.
    pub(super) fn keeps(&self) -> bool {
        self.keep.size > 0 || self.cache != Caching::None
    }

    fn takes_in(&self, who: &Who, principal: &Principal, name: &str) -> bool {
        let rest = name.strip_prefix(USERS).or(name.strip_prefix(&self.prefix)).unwrap_or(name);
        match who {
            Who::Anyone => true,
            Who::Authenticated => principal.is_authenticated(),
            Who::Owner => principal.user.as_deref() == Some(rest),
            Who::Role(role) => principal.roles.contains(role),
            Who::Claim(claim) => principal.claims.get(claim).is_some_and(|value| means(value, name, rest)),
            Who::Nobody => false,
        }
    }
}

/// Whether a claim's value says yes: a text, a list or a table where it names the room, a number where it is not 0.
fn means(value: &Value, name: &str, rest: &str) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => names(text, name, rest),
        Value::Object(entries) => {
            entries.iter().any(|(text, value)| *value != Value::Bool(false) && names(text, name, rest))
        }
        Value::Array(entries) => entries.iter().any(|entry| {
            let text = entry.as_str().map(Cow::Borrowed).unwrap_or_else(|| entry.to_string().into());
            names(&text, name, rest)
        }),
    }
}

/// Whether `text` is the room's name, what is left of it behind the rule's prefix, or a pattern that it fits.
fn names(text: &str, name: &str, rest: &str) -> bool {
    text == name || text == rest || Pattern::new(text).matches(name)
}

/// The rules of a gateway.
pub struct Rules {
    /// Longest prefix first; the last one has the empty prefix.
    rules: Vec<Arc<Rule>>,
}

impl Rules {
    /// Sorts and numbers `rules`; a room that none matches gets [`Rule::default`].
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut rules = sorted(rules);
        for (class, rule) in (0..).zip(rules.iter_mut().rev()) {
            rule.class = class;
        }
        Self { rules: rules.into_iter().map(Arc::new).collect() }
    }

    /// The rules that take the place of these. Classes are for the life of the process: each gets the class that its
    /// prefix has here.
    pub(super) fn followed_by(&self, rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut rules = sorted(rules);
        for rule in &mut rules {
            rule.class = self.find(&rule.prefix).class;
        }
        Self { rules: rules.into_iter().map(Arc::new).collect() }
    }

    /// The rule of the room in which the cursor of an inbox is kept.
    pub(super) fn beside(&self, inbox: &str) -> Rule {
        let rule = &**self.find(inbox);
        let keep = Keep { size: 1, ttl: Duration::ZERO };
        Rule { keep, cache: Caching::None, join_leave: false, inbox: false, ..rule.clone() }
    }

    /// Whether any has its rooms' events in the log.
    pub fn keep_in_log(&self) -> bool {
        self.rules.iter().any(|rule| rule.durable.is_some())
    }

    /// Whether any has its rooms keep history.
    pub fn keep_history(&self) -> bool {
        self.rules.iter().any(|rule| rule.keep.size > 0)
    }

    /// The rule of the room `name`.
    pub fn find(&self, name: &str) -> &Arc<Rule> {
        let found = self.rules.iter().find(|r| name.starts_with(&r.prefix));
        found.unwrap_or_else(|| unreachable!("the empty prefix matches every name"))
    }

    /// By number of the class: the prefix, and whether history is kept.
    pub(super) fn classes(&self) -> impl Iterator<Item = (String, bool)> {
        self.rules.iter().rev().map(|rule| (rule.prefix.clone(), rule.keep.size > 0))
    }
}

/// Longest prefix first, the empty one among them.
fn sorted(rules: impl IntoIterator<Item = Rule>) -> Vec<Rule> {
    let mut rules: Vec<_> = rules.into_iter().collect();
    if !rules.iter().any(|r| r.prefix.is_empty()) {
        rules.push(Rule::default());
    }
    rules.sort_by_key(|r| std::cmp::Reverse(r.prefix.len()));
    rules
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::identity::{Proof, Scopes};

    fn ada() -> Principal {
        let claims = [
            ("vip", json!(true)),
            ("off", json!(false)),
            ("one", json!("red")),
            ("table", json!({ "red": 1, "blue": false })),
            ("teams", json!(["red", "team:blue", 7, "x:*"])),
        ];
        Principal {
            user: Some("ada".into()),
            roles: vec!["editor".into()],
            claims: claims.into_iter().map(|(name, value)| (name.into(), value)).collect(),
            proof: Proof::Key("k".into()),
            ..Principal::default()
        }
    }

    fn lets(who: Who, prefix: &str, principal: &Principal, room: &str) -> bool {
        Rule { prefix: prefix.into(), join: who, ..Rule::default() }.lets_join(principal, room)
    }

    #[test]
    fn each_rule_takes_in_whom_it_names() {
        let (ada, anyone) = (ada(), Principal::anonymous());
        for (who, prefix, room, known, unknown) in [
            (Who::Anyone, "", "a", true, true),
            (Who::Nobody, "", "a", false, false),
            (Who::Authenticated, "", "a", true, false),
            (Who::Owner, "user:", "user:ada", true, false),
            (Who::Owner, "user:", "user:bob", false, false),
            (Who::Owner, "", "user:ada", true, false),
            (Who::Owner, "inbox/", "inbox/ada", true, false),
            (Who::Owner, "user:", "user:", false, false),
            (Who::Role("editor".into()), "", "a", true, false),
            (Who::Role("edito".into()), "", "a", false, false),
            (Who::Claim("vip".into()), "", "a", true, false),
            (Who::Claim("off".into()), "", "a", false, false),
            (Who::Claim("none".into()), "", "a", false, false),
            (Who::Claim("one".into()), "team:", "team:red", true, false),
            (Who::Claim("one".into()), "team:", "team:blue", false, false),
            (Who::Claim("table".into()), "team:", "team:red", true, false),
            (Who::Claim("table".into()), "team:", "team:blue", false, false),
            (Who::Claim("teams".into()), "team:", "team:red", true, false),
            (Who::Claim("teams".into()), "team:", "team:blue", true, false),
            (Who::Claim("teams".into()), "team:", "team:7", true, false),
            (Who::Claim("teams".into()), "", "x:anything", true, false),
            (Who::Claim("teams".into()), "team:", "team:green", false, false),
        ] {
            assert_eq!(lets(who.clone(), prefix, &ada, room), known, "{who:?} {room}");
            assert_eq!(lets(who.clone(), prefix, &anyone, room), unknown, "{who:?} {room}");
        }
    }

    #[test]
    fn rules_that_follow_have_the_classes_of_those_before() {
        let rule = |prefix: &str| Rule { prefix: prefix.into(), ..Rule::default() };
        let rules = Rules::new([rule("news:"), rule("user:")]);
        let class = |rules: &Rules, room: &str| rules.find(room).class;
        let (news, user) = (class(&rules, "news:1"), class(&rules, "user:1"));
        let next = rules.followed_by([rule("news:local:"), rule("user:"), rule("x")]);
        assert_eq!(class(&next, "news:local:1"), news);
        assert_eq!(class(&next, "user:1"), user);
        assert_eq!((class(&next, "news:1"), class(&next, "xy")), (0, 0));
    }

    #[test]
    fn all_scopes_are_no_claim_and_no_role() {
        assert_eq!(Principal::anonymous().scopes, Scopes::All);
        assert!(!lets(Who::Role("admin".into()), "", &Principal::anonymous(), "a"));
    }
}
