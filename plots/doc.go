// Package plots draws what a run found as figures that can stand in a report:
// PNG, SVG or PDF, written to an io.Writer. It is pure: the same study gives
// the same bytes.
//
// Every figure is made in two steps. A function named after the figure
// (curveOf, timelineOf, ...) works out what is to be seen, as plain numbers and
// strings that tests can look at; then the figure draws that and decides
// nothing more. A figure never refuses a study because there is little in it:
// it says what is missing instead.
//
// Note: the axes, ticks and canvases are gonum's plot.Plot, but titles, keys
// and captions are laid out here (page.go), because gonum neither wraps nor
// elides text and draws its legend over the data.
package plots
