// Keeps today's sheet current: entries, amendments and figures appear as gates post them.
// Without it the page is as complete as when it was loaded.

const WAIT_SECONDS = 10;
const SHORT_WAIT_SECONDS = 1;
const CHANGES_AT_ONCE = 200;
const BETWEEN_REQUESTS = 500;
const TIMEOUT = 15_000;
const LONGEST_PAUSE = 30_000;
const RELOAD_PAUSE = 5_000;
const OLDEST_FIGURES = 60_000;
const BETWEEN_ANNOUNCEMENTS = 10_000;

const table = document.getElementById("live-entries");
const body = table.tBodies[0];
const [blankRow, blankAmendedRow] = document.getElementById("blank-rows").content.children;
const notice = document.getElementById("not-current");
const announcement = document.getElementById("announcement");

const sheet = new URL(table.dataset.sheet, location.href);
const begins = Date.parse(table.dataset.begins);
const ends = Date.parse(table.dataset.ends);

/** The rows by the ids of their entries. */
const rows = new Map();
for (const link of body.querySelectorAll("th > a")) {
  rows.set(link.getAttribute("href").slice(-36), link.closest("tr"));
}

/** The page contains every change up to this number, and perhaps some above it. */
let lastChange = Number(table.dataset.change);
let isCurrent = true;
let areFiguresBehind = false;
let figuresAt = performance.now();
let nextFiguresAt = 0;
let request = new AbortController();
let endPause = () => {};

follow();

async function follow() {
  for (let failures = 0; ; ) {
    while (document.hidden) {
      await new Promise((shown) => document.addEventListener("visibilitychange", shown, { once: true }));
    }
    try {
      await catchUp();
      failures = 0;
      if (isCurrent) notice.hidden = true;
    } catch (error) {
      isCurrent = false;
      if (document.hidden) continue;
      failures += 1;
      // One lost connection is only a server that restarts, or a reader who leaves the page.
      if (error.status || failures > 1) tell(error);
      if (error.status === 409) {
        await pause(RELOAD_PAUSE);
        location.reload();
      }
      await pause(Math.min(LONGEST_PAUSE, 500 * 2 ** failures) * (0.5 + Math.random() / 2));
    }
  }
}

/** Waits for changes and shows them: briefly, if it is unknown whether the page is current. */
async function catchUp() {
  const began = performance.now();
  const wait = isCurrent && !areFiguresBehind ? WAIT_SECONDS : SHORT_WAIT_SECONDS;
  const answer = await ask(`/table/changes?after=${lastChange}&limit=${CHANGES_AT_ONCE}&wait=${wait}`);
  const { changes, next } = await answer.json();
  apply(changes);
  lastChange = next;
  isCurrent = changes.length < CHANGES_AT_ONCE;
  areFiguresBehind ||= changes.length > 0;
  const now = performance.now();
  if (isCurrent && (areFiguresBehind ? now >= nextFiguresAt : now - figuresAt > OLDEST_FIGURES)) {
    await readFigures();
  }
  // When many pass, or the server is stopping and lets nobody wait, it is not asked all the time.
  await pause(began + BETWEEN_REQUESTS - performance.now());
}

async function ask(path) {
  request = new AbortController();
  const answer = await fetch(path, {
    signal: AbortSignal.any([request.signal, AbortSignal.timeout(TIMEOUT)]),
    // Tells the service that a browser must not ask for a password.
    headers: { "X-Requested-With": "fetch" },
  });
  if (!answer.ok) throw Object.assign(new Error(answer.statusText), { status: answer.status });
  return answer;
}

function apply(changes) {
  const arrived = [];
  for (const change of changes) {
    if (change.kind !== "created") {
      amend(change);
    } else if (isOnSheet(change.entry) && add(change.entry)) {
      arrived.push(change.entry);
    }
  }
  if (arrived.length > 0) {
    document.getElementById("no-entries")?.remove();
    document.getElementById("entries").hidden = false;
    announce(arrived);
  }
}

/** Whether the entry is of this day and passes the filters. */
function isOnSheet(entry) {
  const login = Date.parse(entry.login);
  const filters = sheet.searchParams;
  const passes = (name) => !filters.has(name) || filters.get(name) === entry[name];
  return begins <= login && login < ends && ["gate", "direction", "person_ref"].every(passes)
    && folded(fullName(entry)).includes(folded(filters.get("q") ?? ""));
}

/** The text without marks and in lower case, as the service compares names. */
function folded(text) {
  const bare = text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return bare.replace(/\p{M}/gu, "").replaceAll("ς", "σ");
}

function fullName(entry) {
  return `${entry.firstname} ${entry.lastname}`;
}

/** Adds a row in the order of ids. Returns false if the page has it already. */
function add(entry) {
  let [before, after] = [body.lastElementChild, null];
  while (before && Number(before.dataset.id) > entry.id) {
    [before, after] = [before.previousElementSibling, before];
  }
  if (before && Number(before.dataset.id) === entry.id) return false;

  const row = document.importNode(blankRow, true);
  row.dataset.id = entry.id;
  row.classList.add("arrived");
  const [time, name, badge, direction, gate] = row.cells;
  time.firstElementChild.dateTime = entry.login;
  time.firstElementChild.textContent = shownTime(entry.login);
  name.firstElementChild.href = `/table/entry/${entry.entry_id}`;
  name.querySelector("bdi").textContent = fullName(entry);
  badge.textContent = entry.person_ref;
  direction.textContent = entry.direction;
  gate.textContent = entry.gate;
  badge.dir = gate.dir = "auto";
  body.insertBefore(row, after);
  rows.set(entry.entry_id, row);
  return true;
}

/** The time of day, after the date where that is not the sheet's: a day may end after midnight. */
function shownTime(login) {
  const isNextDate = login.slice(0, 10).replaceAll("-", "") !== sheet.pathname.slice(-8);
  return (isNextDate ? `${login.slice(5, 10)} ` : "") + login.slice(11, 16);
}

/** Marks the row of an entry that was voided, replaced or erased, if the page has it. */
function amend({ kind, entry_id: id, reason }) {
  const row = rows.get(id);
  if (!row) return;
  const [, name, badge] = row.cells;
  if (kind === "erased") {
    name.querySelector("bdi").textContent = "[erased] [erased]";
    name.querySelector("q")?.replaceChildren("[erased]");
    badge.textContent = "";
    return;
  }
  row.className = "gone";
  if (!name.querySelector(".badge")) {
    const mark = document.importNode(blankAmendedRow, true).cells[1];
    mark.firstElementChild.remove();
    name.append(...mark.childNodes);
  }
  name.querySelector(".badge").className = `badge ${kind}`;
  name.querySelector(".badge").textContent = kind;
  name.querySelector("q").textContent = reason;
}

let unannounced = [];
let isAnnouncing = false;

/** Has a screen reader say what arrived, summed up. */
function announce(entries) {
  unannounced.push(...entries);
  if (isAnnouncing) return;
  isAnnouncing = true;
  // A gate that was offline posts many at once.
  setTimeout(function say() {
    isAnnouncing = unannounced.length > 0;
    if (!isAnnouncing) return;
    const [entry] = unannounced;
    const one = [fullName(entry), entry.direction, entry.gate].filter(Boolean).join(", ");
    announcement.textContent = unannounced.length > 1 ? `${unannounced.length} new entries` : one;
    unannounced = [];
    setTimeout(say, BETWEEN_ANNOUNCEMENTS);
  }, 1_000);
}

/** Replaces the parts of the page that count, and those that change with the time. */
async function readFigures() {
  const url = new URL(sheet);
  url.searchParams.set("rows", "none");
  const began = performance.now();
  const answer = await ask(url);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of page.querySelectorAll("[data-part]")) {
    const shown = document.querySelector(`[data-part="${part.dataset.part}"]`);
    if (shown && !shown.isEqualNode(part)) shown.replaceWith(part);
  }
  figuresAt = performance.now();
  // The busier the service, the less it is asked.
  nextFiguresAt = figuresAt + Math.max(1_000, 10 * (figuresAt - began));
  // A replica may lag behind the changes.
  areFiguresBehind = Number(answer.headers.get("Rollcall-Change")) < lastChange;
}

function tell({ status }) {
  const isSignedOut = status === 401 || status === 403;
  const reason = isSignedOut ? "You are signed out"
    : status === 409 ? "The records were restored from a backup"
    : status ? "The service cannot answer now"
    : "Connection lost";
  const since = document.querySelector("[data-part=as-of] time").dateTime.slice(11, 16);
  const [text, link] = notice.children;
  const told = `${reason}; not current since ${since}.`;
  // What is written again is spoken again.
  if (notice.hidden || text.textContent !== told) text.textContent = told;
  link.hidden = !isSignedOut;
  link.href = `/session?next=${encodeURIComponent(location.pathname + location.search)}`;
  notice.hidden = false;
}

function pause(milliseconds) {
  return new Promise((end) => {
    endPause = end;
    setTimeout(end, milliseconds);
  });
}

addEventListener("online", () => endPause());
addEventListener("offline", () => request.abort());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) request.abort();
  else endPause();
});

// At the end of the day the page says so. The service decides when that is.
setTimeout(() => {
  nextFiguresAt = 0;
  areFiguresBehind = true;
  request.abort();
}, ends - Date.now() + 1_000);
