// Draws the snapshots that come from /events. Everything that somebody wrote is put in as text, never as HTML.
'use strict';

const NAMES = { meta: 'Meta', twilio: 'Twilio' };
const TICKS = { sent: ['✓', 'sent'], delivered: ['✓✓', 'delivered'], read: ['✓✓', 'read'] };
const FAULTS = [
  ['cut', 'Cut'], ['hang', 'Hang'], ['slow', 'Slow'], ['throttle', 'Throttle'],
  ['suspend', 'Suspend'], ['lose_answer', 'Lose the next answer'],
];
const WRONG = {
  well: 'Nothing is wrong', cut: 'Cut: no connection', hang: 'Hangs: it never answers', slow: 'Slow: 2.5 s for an answer',
  throttle: 'Throttles every message', suspend: 'The account is suspended', lose_answer: 'Loses the answer to one message',
};
const TONES = { good: ['✓', 'Done'], bad: ['✕', 'Failed'], unsure: ['?', 'Unknown'], waiting: ['…', 'On its way'], note: ['•', 'Note'] };

const byId = (id) => document.getElementById(id);

function make(tag, properties = {}, ...children) {
  const { data = {}, attributes = {}, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, data);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Keeps the elements of a list whose content has not changed. `draw` may change one in its place, so that the focus stays
// and nothing is read out twice.
function list(parent, items, keyOf, draw) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, place) => {
    const key = String(keyOf(item));
    const content = JSON.stringify(item);
    let element = old.get(key);
    old.delete(key);
    if (!element || element.dataset.content !== content) {
      const fresh = draw(item, element);
      fresh.dataset.key = key;
      fresh.dataset.content = content;
      if (element && element !== fresh) element.replaceWith(fresh);
      element = fresh;
    }
    if (parent.children[place] !== element) parent.insertBefore(element, parent.children[place] || null);
  });
  old.forEach((element) => element.remove());
}

async function act(action) {
  const problem = byId('problem');
  problem.hidden = true;
  try {
    const answer = await fetch('/act', { method: 'POST', body: JSON.stringify(action) });
    if (!answer.ok) throw new Error((await answer.text()) || `refused with ${answer.status}`);
  } catch (error) {
    problem.textContent = `That did not work: ${error.message}`;
    problem.hidden = false;
  }
}

function dayAndTime(seconds) {
  return new Date(seconds * 1000).toLocaleString([], { weekday: 'short', hour: '2-digit', minute: '2-digit', hour12: false });
}

function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false });
}

// ---- phones

// What a content says: its text, a line that tells its sort, and what can be tapped.
function reading(content) {
  const sort = (words) => ({ sort: words, text: content.caption || '' });
  switch (content && content.type) {
    case 'text': return { text: content.body };
    case 'image': return sort('Picture');
    case 'video': return sort('Video');
    case 'audio': return sort('Sound');
    case 'document': return sort('Document');
    case 'sticker': return sort('Sticker');
    case 'location': return { sort: 'Location', text: content.name || `${content.latitude}, ${content.longitude}` };
    case 'contacts': return { sort: 'Contact card', text: content.cards.map((card) => card.name && card.name.formatted).join(', ') };
    case 'template': {
      const values = (content.body || []).map((value) => value.text || value.value || '').filter(Boolean);
      const name = typeof values[0] === 'string' ? values[0] : '';
      return { sort: 'Template', text: `Hello ${name}, your table is ready.` };
    }
    case 'interactive': {
      const action = content.action || {};
      const body = content.body || '';
      if (action.buttons) return { text: body, taps: action.buttons };
      if (action.sections) return { text: body, sort: action.button || 'List', taps: action.sections.flatMap((section) => section.rows) };
      if (action.url) return { text: body, sort: `Link: ${action.display_text}` };
      return { text: body, sort: 'To tap' };
    }
    default: return { sort: (content && content.type) || 'Message', text: '' };
  }
}

function bubble(phone, entry, old) {
  const { sort, text, taps = [] } = reading(entry.content);
  const mine = entry.from === 'user';
  const [tick, words] = TICKS[entry.tick];
  if (old) {
    const mark = old.querySelector('.tick');
    mark.className = `tick ${entry.tick}`;
    mark.title = words;
    mark.setAttribute('aria-label', words);
    setText(mark, tick);
    const said = old.querySelector('.said');
    if (said) setText(said, text);
    old.querySelector('.reaction')?.remove();
    if (entry.reaction) old.append(reaction(entry.reaction));
    return old;
  }
  const who = mine ? `${phone.name} to ${NAMES[entry.side]}` : `By ${NAMES[entry.side]}`;
  return make('li', { className: `bubble ${mine ? 'mine' : 'theirs'} ${entry.side}` },
    make('span', { className: 'who', textContent: who }),
    sort ? make('span', { className: 'sort', textContent: sort }) : null,
    text ? make('span', { className: 'said', textContent: text }) : null,
    taps.length ? make('span', { className: 'taps' }, ...taps.map((tap) => make('button', {
      type: 'button',
      textContent: tap.title,
      onclick: () => act({ do: 'tap', user: phone.key, side: entry.side, id: tap.id, title: tap.title }),
    }))) : null,
    make('span', { className: 'foot' },
      make('time', { textContent: clock(entry.at) }),
      make('span', { className: `tick ${entry.tick}`, attributes: { role: 'img', 'aria-label': words }, title: words, textContent: tick })),
    entry.reaction ? reaction(entry.reaction) : null);
}

function reaction(emoji) {
  return make('span', { className: 'reaction', textContent: emoji, attributes: { 'aria-label': `reaction ${emoji}`, role: 'img' } });
}

function drawPhone(phone, old) {
  if (!old) {
    const title = `phone-${phone.key}`;
    const text = make('input', { name: 'text', autocomplete: 'off', maxLength: 600, placeholder: 'Write a message', attributes: { 'aria-label': `Message from ${phone.name}` } });
    const side = make('select', { name: 'side', attributes: { 'aria-label': `The number ${phone.name} writes to` } },
      make('option', { value: 'meta', textContent: 'to Meta’s number' }),
      make('option', { value: 'twilio', textContent: 'to Twilio’s number' }));
    const form = make('form', { className: 'write' }, text, side,
      make('button', { type: 'submit', textContent: 'Send', attributes: { 'aria-label': `Send as ${phone.name}` } }));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (!text.value.trim()) return text.focus();
      act({ do: 'write', user: phone.key, side: side.value, text: text.value });
      text.value = '';
    });
    old = make('section', { className: 'phone', attributes: { 'aria-labelledby': title } },
      make('div', { className: 'bar' },
        make('h3', { id: title, textContent: phone.name }),
        make('span', { className: 'windows' })),
      make('div', { className: 'chat', tabIndex: 0, attributes: { role: 'log', 'aria-label': `${phone.name}’s chat` } }, make('ol')),
      form);
  }
  const open = Object.entries(phone.windows).filter(([, closes]) => closes).map(([side]) => NAMES[side]);
  const windows = open.length ? `24 h window open: ${open.join(', ')}` : 'No 24 h window open: a template goes instead';
  setText(old.querySelector('.windows'), windows);
  const chat = old.querySelector('.chat');
  const atEnd = chat.scrollTop + chat.clientHeight >= chat.scrollHeight - 40;
  list(chat.firstElementChild, phone.chat, (entry) => entry.id, (entry, element) => bubble(phone, entry, element));
  if (atEnd) chat.scrollTop = chat.scrollHeight;
  return old;
}

// ---- providers

function healthOf(member) {
  if (!member) return ['off', 'Not configured', ''];
  switch (member.standing) {
    case 'ready': return ['good', 'Well', 'messages go here'];
    case 'trial': return ['unsure', 'To be tried', 'the next message tries it'];
    case 'recovering': return ['unsure', 'Recovering', 'well again; traffic comes back in a moment'];
    case 'isolated': return ['off', 'Out of service', ''];
    default: return ['bad', 'Circuit open', `${(member.cause || '').replaceAll('_', ' ')}; tried again in ${Math.ceil(member.remaining || 0)} s`];
  }
}

function drawProvider(provider, old) {
  const name = NAMES[provider.key];
  if (!old) {
    const title = `provider-${provider.key}`;
    const button = (how, words) => make('button', {
      type: 'button',
      textContent: words,
      data: { how },
      attributes: { 'aria-label': `${words}: ${name}` },
      onclick: () => act({ do: 'break', side: provider.key, how }),
    });
    old = make('section', { className: `card provider ${provider.key}`, attributes: { 'aria-labelledby': title } },
      make('div', { className: 'bar' },
        make('h3', { id: title, textContent: name }),
        make('span', { className: 'badge' })),
      make('p', { className: 'why' }),
      make('dl', { className: 'facts' },
        make('div', {}, make('dt', { textContent: 'Simulated fault' }), make('dd', { className: 'wrong' })),
        make('div', {}, make('dt', { textContent: 'Messages carried' }), make('dd', { className: 'carried' })),
        make('div', {}, make('dt', { textContent: 'Windows' }), make('dd', { className: 'open' }))),
      make('div', { className: 'buttons', attributes: { role: 'group', 'aria-label': `Break ${name}` } },
        button('well', 'Restore'), ...FAULTS.map(([how, words]) => button(how, words))));
  }
  const [tone, words, why] = healthOf(provider.member);
  const badge = old.querySelector('.badge');
  badge.className = `badge ${tone}`;
  setText(badge, words);
  setText(old.querySelector('.why'), why);
  setText(old.querySelector('.wrong'), WRONG[provider.broken]);
  setText(old.querySelector('.carried'), String(provider.carried));
  setText(old.querySelector('.open'), provider.windows.length ? provider.windows.join(', ') : 'none open');
  old.querySelectorAll('[data-how]').forEach((button) => {
    button.setAttribute('aria-pressed', String(button.dataset.how === provider.broken));
  });
  return old;
}

// ---- timeline

function drawEntry(entry) {
  const [sign, words] = TONES[entry.tone];
  return make('li', { className: `entry ${entry.tone}` },
    make('span', { className: 'sign', textContent: sign, attributes: { role: 'img', 'aria-label': words } }),
    make('div', {},
      make('p', { className: 'what', textContent: entry.title }),
      entry.steps.length ? make('ol', { className: 'steps' }, ...entry.steps.map((step) => make('li', { className: step.tone },
        make('strong', { className: step.provider.toLowerCase(), textContent: step.provider }), `${['good', 'waiting'].includes(step.tone) ? '' : ':'} ${step.text}`))) : null,
      entry.end ? make('p', { className: 'end', textContent: entry.end }) : null),
    make('time', { textContent: new Date(entry.at).toLocaleTimeString([], { hour12: false }) }));
}

let told = null;

// Tells those who hear the page how messages ended, once each. What had ended before the page came is no news.
function tell(timeline) {
  const ended = timeline.filter((entry) => entry.end || !entry.steps.length);
  const fresh = told ? ended.filter((entry) => !told.has(entry.id)) : [];
  told = new Set(ended.map((entry) => entry.id));
  if (fresh.length) setText(byId('news'), fresh.map((entry) => `${entry.title}. ${entry.end}`).reverse().join(' '));
}

// ---- all of it

let chosen = null;

function options(select, items) {
  if (select.options.length) return;
  select.append(...items.map(([value, textContent]) => make('option', { value, textContent })));
}

function draw(snapshot) {
  options(byId('to'), snapshot.phones.map((phone) => [phone.key, phone.name]));
  options(byId('kind'), snapshot.kinds.map((kind) => [kind.key, kind.label]));
  list(byId('phones'), snapshot.phones, (phone) => phone.key, drawPhone);
  const member = (key) => snapshot.status.members.find((one) => one.member === key);
  const windows = (key) => snapshot.phones.filter((phone) => phone.windows[key]).map((phone) => `${phone.name} until ${dayAndTime(phone.windows[key])}`);
  const providers = Object.keys(NAMES).map((key) => ({
    key, member: member(key), broken: snapshot.broken[key], carried: snapshot.carried[key], windows: windows(key),
  }));
  list(byId('providers'), providers, (provider) => provider.key, drawProvider);
  list(byId('timeline'), snapshot.timeline, (entry) => entry.id, drawEntry);
  tell(snapshot.timeline);
  setText(byId('arrived'), String(snapshot.arrived));
  setText(byId('refused'), String(snapshot.refused));
  // What was chosen here a moment ago holds until the service has heard of it.
  if (chosen && chosen.route !== snapshot.route && Date.now() < chosen.until) return;
  chosen = null;
  document.querySelectorAll('input[name=route]').forEach((radio) => { radio.checked = radio.value === snapshot.route; });
}

byId('send').addEventListener('submit', (event) => {
  event.preventDefault();
  act({ do: 'send', to: byId('to').value, kind: byId('kind').value, text: byId('text').value || ' ' });
});
byId('flag').addEventListener('change', (event) => {
  chosen = { route: event.target.value, until: Date.now() + 3000 };
  act({ do: 'flip', route: chosen.route });
});
document.querySelectorAll('[data-forge]').forEach((button) => {
  button.addEventListener('click', () => act({ do: 'forge', side: button.dataset.forge }));
});

const events = new EventSource('/events');
events.onopen = () => setText(byId('connection'), 'Live');
events.onerror = () => setText(byId('connection'), 'The playground does not answer; trying again …');
events.onmessage = (event) => draw(JSON.parse(event.data));
