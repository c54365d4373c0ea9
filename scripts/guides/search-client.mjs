/* Runs in the reader's browser: searches the sections of all pages, as the reader types. */
import MiniSearch from "minisearch";

const MOST = 12;
const form = document.querySelector("form[role=search]");
const input = document.querySelector("#search");
const results = document.querySelector("#results");
const contents = document.querySelector("details.contents");

/** The list of pages is open where there is room for it. */
contents.open = matchMedia("(min-width: 52.01rem)").matches;
form.hidden = false;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  results.querySelector("a")?.click();
});
input.addEventListener("input", () => void show());

/** Loaded when the reader first types. */
let loading;

async function load() {
  const response = await fetch(new URL("search.json", import.meta.url));
  if (!response.ok) throw new Error(`the search answered ${response.status}`);
  const index = new MiniSearch({
    fields: ["title", "heading", "words"],
    storeFields: ["title", "heading", "words", "address"],
    searchOptions: { boost: { title: 3, heading: 4 }, prefix: true, fuzzy: 0.15 },
  });
  index.addAll(await response.json());
  return index;
}

async function show() {
  const query = input.value.trim();
  if (query === "") {
    results.hidden = true;
    results.replaceChildren();
    return;
  }
  loading ??= load();
  try {
    const index = await loading;
    if (input.value.trim() !== query) return; // the reader has typed on
    const all = index.search(query, { combineWith: "AND" });
    const found = (all.length > 0 ? all : index.search(query)).slice(0, MOST);
    results.replaceChildren(found.length === 0 ? textIn("p", `No page has “${query}”.`) : listOf(found));
  } catch (error) {
    loading = undefined;
    results.replaceChildren(textIn("p", `The search is not available: ${error.message}.`));
  }
  results.hidden = false;
}

function listOf(found) {
  const list = document.createElement("ol");
  for (const { title, heading, words, address, terms } of found) {
    const link = textIn("a", heading === title ? title : `${heading} – ${title}`);
    link.href = new URL(address, import.meta.url).href;
    const item = document.createElement("li");
    item.append(link, textIn("p", excerpt(words, terms)));
    list.append(item);
  }
  return list;
}

/** The words around the first term that was found. */
function excerpt(words, terms) {
  const text = words.toLowerCase();
  const places = terms.map((term) => text.indexOf(term)).filter((place) => place >= 0);
  const from = Math.max(0, Math.min(...places, words.length) - 50);
  const start = places.length === 0 || from === 0 ? 0 : words.indexOf(" ", from) + 1;
  return `${start > 0 ? "… " : ""}${words.slice(start, start + 150)}${words.length > start + 150 ? " …" : ""}`;
}

function textIn(name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}
