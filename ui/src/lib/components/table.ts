// What tables do with rows: order, pages, and which columns somebody picked. Pure, so that it can be tested.
import type { Cell } from "$lib/resources/kinds";

export interface TableColumn<R> {
  id: string;
  label: string;
  num?: boolean;
  /** Hidden until it is picked. */
  spare?: boolean;
  /** Never hidden. */
  fixed?: boolean;
  /** On narrow screens it stands on the first line of a row, after the name. */
  beside?: boolean;
  cell(row: R): Cell;
}

export interface Order {
  by: string;
  down: boolean;
}

const text = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

export function compareCells(a: Cell, b: Cell): number {
  const x = a.sort ?? a.text, y = b.sort ?? b.text;
  if (typeof x === "number" && typeof y === "number") return x - y;
  return text.compare(String(x), String(y));
}

/** Rows in order; rows that compare equal keep the order they came in. */
export function sorted<R>(rows: readonly R[], columns: readonly TableColumn<R>[], order: Order | null): readonly R[] {
  const column = order && columns.find((c) => c.id === order.by);
  if (!column) return rows;
  const keyed = rows.map((row) => ({ row, cell: column.cell(row) }));
  keyed.sort((a, b) => (order.down ? compareCells(b.cell, a.cell) : compareCells(a.cell, b.cell)));
  return keyed.map((k) => k.row);
}

/** It says nothing: narrow screens leave it out. */
export const isNothing = (cell: Cell): boolean => (cell.time === undefined ? cell.text === "" || cell.text === "–" : !cell.time);

/** A click on a heading: first upwards, then downwards, then as it came. */
export function nextOrder(order: Order | null, by: string): Order | null {
  if (order?.by !== by) return { by, down: false };
  return order.down ? null : { by, down: true };
}

export interface Kept {
  order?: Order | null;
  columns?: Record<string, boolean>;
}

export function keptTable(key: string): Kept {
  try {
    return JSON.parse(localStorage.getItem(`komodo.table.${key}`) ?? "{}") as Kept;
  } catch {
    return {};
  }
}

export function keepTable(key: string, kept: Kept): void { localStorage.setItem(`komodo.table.${key}`, JSON.stringify(kept)); }
