// On a phone the maps of containers are folded; who wants one opens it.
{
  const maps = document.querySelectorAll("details.card-map");
  if (maps.length && matchMedia("(max-width: 39.99em)").matches) for (const map of maps) map.open = false;
}
