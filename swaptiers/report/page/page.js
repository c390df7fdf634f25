// Draws the charts whose places are in the page, and fills in the data behind a picture when somebody unfolds it.
{
  const pictures = JSON.parse(document.getElementById("data").textContent);
  const config = {
    background: null,
    axis: { labelFontSize: 11, titleFontSize: 11, titleFontWeight: 400, labelColor: "#7d8591", titleColor: "#7d8591" },
    view: { stroke: null },
    font: "system-ui, sans-serif",
  };

  const rowsOf = (columns) => {
    const names = Object.keys(columns);
    return names.length ? columns[names[0]].map((_, i) => Object.fromEntries(names.map((n) => [n, columns[n][i]]))) : [];
  };

  const draw = async (place) => {
    const { chart, columns } = pictures[place.dataset.picture][place.dataset.panel];
    const rows = rowsOf(columns);
    const bars = "name" in columns;
    const height = bars ? 26 * new Set(columns.name).size : 190;
    const spec = { ...chart, data: { values: rows }, width: "container", height, config, autosize: { type: "fit-x", contains: "padding" } };
    await vegaEmbed(place, spec, { renderer: "svg", actions: false, ast: true, tooltip: { theme: "custom" }, logLevel: 1 /* errors */ });
    place.classList.add("drawn");
  };

  const element = (name, text) => {
    const made = document.createElement(name);
    if (text !== undefined && text !== null) made.textContent = text;
    return made;
  };

  const shown = (panel) => Object.keys(panel.columns).filter((name) => name in panel.titles);

  const unfold = (details) => {
    if (details.childElementCount > 1) return;
    const panels = pictures[details.dataset.picture];
    const save = element("button", "Save as CSV");
    save.addEventListener("click", () => {
      const link = element("a");
      link.href = URL.createObjectURL(new Blob([csvOf(panels)], { type: "text/csv" }));
      link.download = `${details.dataset.picture}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
    details.append(save);
    for (const panel of panels) {
      const table = element("table");
      const head = table.createTHead().insertRow();
      for (const name of shown(panel)) head.append(element("th", panel.titles[name]));
      const body = table.createTBody();
      for (const row of rowsOf(panel.columns)) {
        const line = body.insertRow();
        for (const name of shown(panel)) line.append(element("td", row[name]));
      }
      const scroll = element("div");
      scroll.className = "scroll";
      scroll.tabIndex = 0;
      scroll.setAttribute("role", "region");
      scroll.setAttribute("aria-label", panel.title);
      scroll.append(table);
      details.append(element("h3", panel.title), scroll);
    }
  };

  // a field that a spreadsheet would take for a formula stays text
  const field = (value) => {
    if (typeof value === "number") return String(value);
    const text = value === null || value === undefined ? "" : String(value);
    return `"${(/^[=+\-@\t\r]/.test(text) ? "'" : "") + text.replaceAll('"', '""')}"`;
  };

  const csvOf = (panels) => {
    const lines = [];
    for (const panel of panels) {
      const names = shown(panel);
      lines.push(["panel", ...names.map((name) => panel.titles[name])].map(field).join(","));
      for (const row of rowsOf(panel.columns)) lines.push([panel.title, ...names.map((name) => row[name])].map(field).join(","));
    }
    return lines.join("\r\n") + "\r\n";
  };

  for (const details of document.querySelectorAll("details.behind")) details.addEventListener("toggle", () => unfold(details));

  const all = async () => {
    for (const place of document.querySelectorAll(".chart")) {
      await new Promise((goOn) => setTimeout(goOn)); // the page is shown and can be scrolled meanwhile
      try {
        await draw(place);
      } catch (error) {
        place.textContent = `This chart can't be drawn: ${error.message}`;
        console.error(error);
      }
    }
    document.documentElement.dataset.drawn = "all";
  };
  all();
}
