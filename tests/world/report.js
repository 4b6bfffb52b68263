/* report.js: tries the report page out from within; explain.sh appends it to a copy and reads the lines it leaves. */
(() => {
    const out = document.createElement("pre"), lines = [];
    const check = (name, good, why) => lines.push(`TRIED ${good ? "ok" : "not ok"} ${name}${good ? "" : ": " + why}`);
    const tiles = () => [...document.querySelectorAll("#map .tile:not(.group)")], map = document.getElementById("map");
    const bytes = () => tiles().reduce((n, t) => n + Number(t.dataset.bytes), 0);
    const area = () => tiles().reduce((n, t) => n + parseFloat(t.style.width) * parseFloat(t.style.height), 0);
    const mapChecks = name => {
        const whole = map.clientWidth * map.clientHeight, shown = Number(map.dataset.bytes);
        check(`${name}: the tiles' bytes are the whole`, bytes() === shown, `${bytes()} of ${shown}`);
        check(`${name}: the tiles cover the map`, Math.abs(area() - whole) < 2, `${area()} of ${whole}`);
        const wrong = tiles().find(t => Math.abs(parseFloat(t.style.width) * parseFloat(t.style.height) - whole * t.dataset.bytes / shown) > 2);
        check(`${name}: every area is in proportion`, !wrong, wrong && wrong.getAttribute("aria-label"));
    };
    try {
        for (const name of ["package", "kind", "retainer"]) {
            document.querySelector(`input[value=${name}]`).click();
            check(`switched to ${name}`, map.dataset.view === name, map.dataset.view);
            check(`${name}: the map is the file`, Number(map.dataset.bytes) === D.bytes, `${map.dataset.bytes} of ${D.bytes}`);
            mapChecks(name);
        }
        const big = tiles().sort((a, b) => b.dataset.bytes - a.dataset.bytes).find(t => t.node.children.length > 1);
        big.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
        check("zoomed by key", Number(map.dataset.bytes) < D.bytes && document.querySelectorAll("#crumbs button").length > 1, map.dataset.bytes);
        mapChecks("zoomed");
        tiles()[0].dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
        check("moved by key", document.activeElement === tiles()[1], document.activeElement.tagName);
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
        while (document.querySelectorAll("#crumbs button").length > 1) document.querySelector("#crumbs button").click();
        check("back at the whole", Number(map.dataset.bytes) === D.bytes, map.dataset.bytes);
        tiles()[0].dispatchEvent(new MouseEvent("mouseenter"));
        check("hovering tells bytes", /[\d,]+ bytes/.test(document.getElementById("tip").textContent), document.getElementById("tip").textContent);
        check("tiles have names for those who do not see", tiles().every(t => / bytes$/.test(t.getAttribute("aria-label"))), "");
        const field = document.getElementById("search");
        field.value = "*big*";
        field.dispatchEvent(new Event("input"));
        check("search finds", /variable SHAPES:\*BIG\*/.test(document.getElementById("found").textContent), document.getElementById("found").textContent);
        [...document.querySelectorAll("#found button")].find(b => /variable SHAPES:\*BIG\*/.test(b.textContent)).click();
        check("its path is told", /calls\s+function SHAPES:MIDDLE[^]*reads\s+variable/.test(document.getElementById("found").textContent), document.getElementById("found").textContent);
        field.value = "never-made";
        field.dispatchEvent(new Event("input"));
        check("search finds what was shaken off", /class SHAPES:NEVER-MADE, shaken off/.test(document.getElementById("found").textContent), document.getElementById("found").textContent);
        check("tables are there", document.querySelectorAll("#tables h2").length >= 5, document.querySelectorAll("#tables h2").length);
    } catch (error) { check("no exception", false, error.stack); }
    out.id = "tried";
    out.textContent = "\n" + lines.join("\n") + "\n";
    document.body.append(out);
})();
