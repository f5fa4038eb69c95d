use std::collections::HashMap;

use crate::address::{PhoneNumber, UserId};
use crate::inbound::User;
use crate::meta::wire::{Object, elements};

/// The people of a webhook, found by their ids. Their order says nothing: there may be fewer or more of them than
/// messages.
pub(super) struct Contacts {
    users: Vec<User>,
    by_user: HashMap<UserId, usize>,
    by_phone: HashMap<PhoneNumber, usize>,
}

impl Contacts {
    pub(super) fn read(value: &Object<'_>, portfolio: Option<&str>) -> Self {
        let mut contacts = Self { users: Vec::new(), by_user: HashMap::new(), by_phone: HashMap::new() };
        for contact in value.get("contacts").and_then(elements).into_iter().flatten() {
            let Some(contact) = Object::read(contact) else {
                continue;
            };
            let profile = contact.object("profile");
            let profile = |name: &str| profile.as_ref().and_then(|profile| profile.short_text(name));
            let user = User {
                phone: contact.phone("wa_id"),
                user: contact.user("user_id", portfolio),
                // Linked portfolios share it, so it is in none of them.
                parent_user: contact.user("parent_user_id", None),
                username: profile("username"),
                profile_name: profile("name"),
            };
            let index = contacts.users.len();
            if let Some(id) = &user.user {
                contacts.by_user.entry(id.clone()).or_insert(index);
            }
            if let Some(phone) = user.phone {
                contacts.by_phone.entry(phone).or_insert(index);
            }
            contacts.users.push(user);
        }
        contacts
    }

    /// Adds to a user's names those that the contacts know.
    pub(super) fn complete(&self, mut user: User) -> User {
        let by_user = user.user.as_ref().and_then(|id| self.by_user.get(id));
        let by_phone = || user.phone.and_then(|phone| self.by_phone.get(&phone));
        let Some(known) = by_user.or_else(by_phone).and_then(|index| self.users.get(*index)) else {
            return user;
        };
        // The same name for one and different ones for the other: two people, or one whose names changed meanwhile.
        let differ = |a: bool, b: bool, same: bool| a && b && !same;
        if differ(known.user.is_some(), user.user.is_some(), known.user == user.user)
            || differ(known.phone.is_some(), user.phone.is_some(), known.phone == user.phone)
        {
            return user;
        }
        user.phone = user.phone.or(known.phone);
        user.user = user.user.or_else(|| known.user.clone());
        user.parent_user = user.parent_user.or_else(|| known.parent_user.clone());
        user.username = user.username.or_else(|| known.username.clone());
        user.profile_name = user.profile_name.or_else(|| known.profile_name.clone());
        user
    }
}
