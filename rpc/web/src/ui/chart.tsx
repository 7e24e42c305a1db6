/** A line over the last minutes, drawn by uPlot; its figures in words for who cannot see it. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { colour, isDark } from "../theme.js";
import { measured } from "../format.js";

interface ChartProps {
  name: string;
  unit: string;
  /** Seconds since 1970, and the values. */
  data: [number[], (number | null)[]];
}

const HEIGHT = 110;
/** The least span of time that a chart shows: a young line begins at its right end. */
const SPAN_S = 120;

export function Chart({ name, unit, data }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const dark = isDark.value;
  useEffect(() => {
    const box = place.current!;
    const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    const options: uPlot.Options = {
      width: box.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
      padding: [8, 26, 0, 0],
      scales: { x: { time: true, range: (_plot, min, max) => [Math.min(min, max - SPAN_S), max] }, y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.15 : 1] } },
      axes: [
        { ...axis, size: 24, space: 70, values: (_plot, splits) => splits.map(clock) },
        { ...axis, size: 42, space: 34, values: (_plot, splits) => splits.map((split) => (split >= 1_000 ? `${split / 1_000}k` : String(split))) },
      ],
      series: [{}, { stroke: colour("honey"), width: 2, fill: `${colour("honey")}1f`, points: { show: false }, spanGaps: false }],
    };
    plot.current = new uPlot(options, data, box);
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: box.clientWidth, height: HEIGHT }));
    observer.observe(box);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [dark]);
  useEffect(() => plot.current?.setData(data), [data]);
  return <div ref={place} class="chart" role="img" aria-label={described(name, unit, data[1])} />;
}

function clock(seconds: number): string {
  const date = new Date(seconds * 1_000);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}

function described(name: string, unit: string, values: (number | null)[]): string {
  const told = values.filter((value) => value !== null);
  if (told.length === 0) return `${name}: not measured yet`;
  const between = `between ${measured(Math.min(...told))} and ${measured(Math.max(...told))}`;
  return `${name}: now ${measured(told.at(-1)!)} ${unit}, in the last ${told.length} seconds ${between}`;
}
