// xterm.js and its styles: the chunk that terminals load.
import "@xterm/xterm/css/xterm.css";
export { FitAddon } from "@xterm/addon-fit";
export { Terminal } from "@xterm/xterm";
