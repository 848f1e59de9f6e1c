// uPlot and its styles: the chunk that charts load.
import "uplot/dist/uPlot.min.css";
export { default } from "uplot";
