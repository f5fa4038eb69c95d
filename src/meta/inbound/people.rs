//! Who is who.

use std::collections::HashMap;

use super::MAX_ELEMENTS;
use crate::address::{PhoneNumber, UserId};
use crate::inbound::User;
use crate::meta::wire::{Object, first_elements};

/// A user by the members of an object that name one: the phone number, the id, and the id that linked portfolios share,
/// which is therefore in none of them.
pub(super) fn named(object: &Object<'_>, names: [&str; 3], portfolio: Option<&str>) -> User {
    let [phone, user, parent] = names;
    User {
        phone: object.phone(phone),
        user: object.user(user, portfolio),
        parent_user: object.user(parent, None),
        ..User::default()
    }
}

/// The people of a webhook, found by their ids. Their order says nothing: there may be fewer or more of them than
/// messages.
#[derive(Default)]
pub(super) struct People {
    users: Vec<User>,
    by_user: HashMap<UserId, usize>,
    by_phone: HashMap<PhoneNumber, usize>,
}

impl People {
    /// Adds the contacts of an object.
    pub(super) fn add_contacts(&mut self, value: &Object<'_>, portfolio: Option<&str>) {
        let contacts = value.get("contacts").and_then(|contacts| first_elements(contacts, MAX_ELEMENTS));
        for contact in contacts.into_iter().flatten().take(MAX_ELEMENTS) {
            let Some(contact) = Object::read(contact) else {
                continue;
            };
            let profile = contact.object("profile");
            let profile = |name: &str| profile.as_ref().and_then(|profile| profile.short_text(name));
            self.add(User {
                username: profile("username"),
                profile_name: profile("name"),
                identity_key_hash: contact.short_text("identity_key_hash"),
                ..named(&contact, ["wa_id", "user_id", "parent_user_id"], portfolio)
            });
        }
    }

    /// One more, whose names count only where nobody else has them.
    pub(super) fn add(&mut self, user: User) {
        let index = self.users.len();
        if let Some(id) = &user.user {
            self.by_user.entry(id.clone()).or_insert(index);
        }
        if let Some(phone) = user.phone {
            self.by_phone.entry(phone).or_insert(index);
        }
        self.users.push(user);
    }

    /// Adds to a user's names those that are known.
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
        user.identity_key_hash = user.identity_key_hash.or_else(|| known.identity_key_hash.clone());
        user
    }
}
