"""Curves over the number of entries, as SVG: one small chart for each figure."""

import html
import math

WIDTH, HEIGHT, GAP, MARGIN = 300, 160, 40, 50
COLOURS = {"PostgreSQL": "#0b6e4f", "embedded": "#a3261c"}


def draw(figures, results):
    """`results` has the counts of entries and the rows of figures by the store's name."""
    columns = 3
    lines = (len(figures) + columns - 1) // columns
    width, height = columns * (WIDTH + MARGIN + GAP), lines * (HEIGHT + MARGIN + GAP) + 30
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
             f'<rect width="{width}" height="{height}" fill="#ffffff"/>']
    for n, (name, colour) in enumerate(COLOURS.items()):
        parts.append(f'<circle cx="{MARGIN + n * 110}" cy="14" r="4" fill="{colour}"/>'
                     f'<text x="{MARGIN + 10 + n * 110}" y="18">{name}</text>')
    for number, figure in enumerate(figures):
        x, y = number % columns * (WIDTH + MARGIN + GAP) + MARGIN, number // columns * (HEIGHT + MARGIN + GAP) + 50
        parts.append(f'<g transform="translate({x} {y})">{chart(figure, number, results)}</g>')
    return "\n".join([*parts, "</svg>\n"])


def chart(figure, number, results):
    counts = sorted({count for counts, _ in results.values() for count in counts})
    most = nice(max(row[number] for _, rows in results.values() for row in rows))
    low, high = math.log10(counts[0]), math.log10(counts[-1])
    across = lambda count: WIDTH * (math.log10(count) - low) / ((high - low) or 1)
    down = lambda value: HEIGHT * (1 - value / most)
    parts = [f'<text y="-8" font-weight="bold">{html.escape(figure)}</text>']
    for value in 0, most / 2, most:
        parts.append(f'<path d="M0 {down(value):.1f}H{WIDTH}" stroke="#d9dee5"/>'
                     f'<text x="-6" y="{down(value) + 4:.1f}" text-anchor="end">{value:,.0f}</text>')
    for count in counts:
        parts.append(f'<text x="{across(count):.1f}" y="{HEIGHT + 16}" text-anchor="middle">{short(count)}</text>')
    for name, (counts, rows) in results.items():
        points = [(across(count), down(row[number])) for count, row in zip(counts, rows)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[name]}"/>' for x, y in points]
    return "".join(parts)


def nice(value):
    """The next number of the form 1, 2 or 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def short(count):
    for size, unit in (10 ** 6, "M"), (10 ** 3, "k"):
        if count >= size:
            return f"{count / size:g}{unit}"
    return str(count)
