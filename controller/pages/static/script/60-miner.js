// On a phone a miner's sections begin folded: state, deeds and figures come first.
if (matchMedia("(max-width: 39.99em)").matches) {
  for (const section of document.querySelectorAll("details.folds")) section.open = section.contains(document.querySelector(":target"));
}
