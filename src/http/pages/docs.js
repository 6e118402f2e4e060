// Shows the API documents. Nothing is asked for or sent outside of this service.
"use strict";

const docs = document.getElementById("docs");

/** Changes of what Swagger UI renders that its options do not offer. */
const plugin = ({ React: { createElement, Fragment } }) => ({
  wrapComponents: {
    // The groups of routes are headings of level 3.
    InfoContainer: (Info) => (props) =>
      createElement(Fragment, null, createElement(Info, props), createElement("h2", null, "Routes")),
    // The path of a route is in a button already, and cannot be a link as well.
    OperationSummaryPath: (Path) => ({ operationProps, ...props }) =>
      createElement(Path, { ...props, operationProps: operationProps.set("isDeepLinkingEnabled", false) }),
  },
});

/** The controls that Swagger UI leaves without a name, and what names them. */
const UNNAMED = {
  ".body-param__text": () => "Request body",
  "tr[data-param-name] select": (control) => control.closest("tr").dataset.paramName,
  ".responses-table[role=region]": (table) => `Responses of ${routeOf(table)}`,
  ".copy-to-clipboard button": () => "Copy",
  ".close-modal": () => "Close",
};

function routeOf(element) {
  return element.closest(".opblock").querySelector(".opblock-summary-control").textContent;
}

/** Names controls, and lets the keyboard scroll what is long. */
function completeControls() {
  for (const [selector, nameOf] of Object.entries(UNNAMED)) {
    for (const element of docs.querySelectorAll(`:is(${selector}):not([aria-label])`)) {
      element.ariaLabel = nameOf(element);
    }
  }
  for (const text of docs.querySelectorAll("pre.microlight")) {
    text.tabIndex = 0;
  }
}

// Swagger UI does not follow the preference by itself.
const dark = matchMedia("(prefers-color-scheme: dark)");
function chooseColors() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}

new MutationObserver(completeControls).observe(docs, { childList: true, subtree: true });
dark.addEventListener("change", chooseColors);
chooseColors();
SwaggerUIBundle({
  url: "/openapi.json",
  domNode: docs,
  deepLinking: true,
  tryItOutEnabled: true,
  plugins: [plugin],
  // The badge would come from another site.
  validatorUrl: null,
});
