// What every page has around its content: title, language, theme, keyboard help; and how a page
// starts, or says why it cannot.
import {type ComponentChildren, render} from "preact";
import {helpOpen, KeyboardHelp, listenToKeys} from "./keyboard";
import {applySettings, chooseLanguage, chooseTheme, language, theme} from "./settings";
import {type TextKey, t} from "./texts";
import "./theme.css";

function Switches() {
  const dark = theme.value === "dark";
  const korean = language.value === "ko";
  return (
    <div class="switches">
      <button
        type="button"
        id="language"
        lang={korean ? "en" : "ko"}
        onClick={() => chooseLanguage(korean ? "en" : "ko")}
      >
        {t("language.change")}
      </button>
      <button
        type="button"
        id="theme"
        title={t("theme.change")}
        onClick={() => chooseTheme(dark ? "light" : "dark")}
      >
        {t(dark ? "theme.light" : "theme.dark")}
      </button>
      <button
        type="button"
        id="help"
        aria-haspopup="dialog"
        title={t("help.open")}
        aria-label={t("help.open")}
        onClick={() => (helpOpen.value = true)}
      >
        ?
      </button>
    </div>
  );
}

export function Frame({
  title,
  what,
  children,
}: {
  title: TextKey;
  what?: string; // what is shown: a command line, the name of a script
  children: ComponentChildren;
}) {
  const heading = t(title);
  document.title = what ? `${what} - ${heading} - Pagewright` : `${heading} - Pagewright`;
  return (
    <>
      <a class="skip" href="#content">
        {t("page.skip")}
      </a>
      <header class="page">
        <h1>
          <span class="brand">Pagewright</span> {heading}
        </h1>
        {what ? <code class="what">{what}</code> : null}
        <Switches />
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
      <KeyboardHelp />
    </>
  );
}

function Failure({message}: {message: string}) {
  return (
    <main id="content" class="failure">
      <h1>{t("error.title")}</h1>
      <p role="alert">{message}</p>
    </main>
  );
}

// `make` gives what the page shows; an error that it throws is shown instead.
export async function startPage(make: () => Promise<ComponentChildren>): Promise<void> {
  const app = document.getElementById("app");
  if (app === null) throw new Error("no #app in this page");
  applySettings();
  listenToKeys();
  let shown: ComponentChildren;
  try {
    shown = await make();
  } catch (error) {
    shown = <Failure message={error instanceof Error ? error.message : String(error)} />;
  }
  app.textContent = "";
  render(shown, app);
}
