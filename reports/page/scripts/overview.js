"use strict";
/* The overview is text: it needs no script. Here the navigation learns where the reader is. */
hwsim.section("overview", {
  draw() {
    const links = [...document.querySelectorAll("nav a")];
    const seen = new Map();
    const watch = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) seen.set(entry.target.id, entry.isIntersecting);
        const first = links.find((link) => seen.get(link.hash.slice(1)));
        for (const link of links) {
          if (link === first) link.setAttribute("aria-current", "true");
          else link.removeAttribute("aria-current");
        }
        if (first) first.closest("ul").scrollLeft = first.offsetLeft - 120;
      },
      { rootMargin: "-110px 0px -55% 0px" },
    );
    for (const section of document.querySelectorAll("main section")) watch.observe(section);
  },
});
