"""The table."""

import statistics

# How a figure is shown, and what it is multiplied by.
UNITS = {"/s": ("{:,.0f}/s", 1), "ms": ("{:.3f} ms", 1e3), "us": ("{:.1f} us", 1e6), "MB": ("{:.1f} MB", 1), "x": ("{:.2f}", 1)}


def show(unit, figures, pick=statistics.median):
    text, factor = UNITS[unit]
    return text.format(pick(figures) * factor) if figures else ""


class Report:
    def __init__(self):
        self.figures = [["what", "rollcall", "beside", "", "ratio", "rounds", "bound", "", "others"]]
        self.costs = [["one create", "p50", "p99", "service's CPU", "PostgreSQL's CPU", "client's CPU"]]
        self.bounds, self.short = 0, []

    def figure(self, what, unit, rounds, value, beside=None, at_least=None, at_most=None, name="rollcall"):
        """One line: a value in the service's rounds, and in those of a baseline if one is named.

        A bound is on the ratio, or on the value itself without a baseline. Each ratio is of one round, because a round
        and its baseline saw the same minute of the machine.
        """
        ours, theirs = ([one[value] for one in rounds.get(name, [])] for name in (name, beside))
        ratios = [our / their for our, their in zip(ours, theirs)]
        spread, spread_unit = (ratios, "x") if ratios else (ours, unit)
        bound = verdict = ""
        if at_least or at_most:
            middle = statistics.median(spread)
            met = middle >= at_least if at_least else middle <= at_most
            bound = f"at least {at_least}" if at_least else f"at most {at_most}"
            verdict = "met" if met else "FELL SHORT"
            self.bounds += 1
            if not met:
                self.short.append(f"{what} beside {beside}" if beside else what)
        self.figures.append([
            what, show(unit, ours), beside or "", show(unit, theirs), show("x", ratios),
            f"{show(spread_unit, spread, min)} to {show(spread_unit, spread, max)}", bound, verdict,
            f"{rounds['others']:.0%}"])

    def cost(self, who, rounds):
        """What one create took."""
        columns = ("p50", "ms"), ("p99", "ms"), ("service", "us"), ("database", "us"), ("client", "us")
        self.costs.append([who] + [show(unit, [one[name] for one in rounds if name in one]) for name, unit in columns])

    def __str__(self):
        verdict = f"All {self.bounds} bounds were met."
        if self.short:
            verdict = f"{len(self.short)} of {self.bounds} bounds FELL SHORT: {'; '.join(self.short)}."
        return f"{aligned(self.figures)}\n\n{aligned(self.costs)}\n\n{verdict}"


def aligned(rows):
    """Text in columns, the numbers in them to the right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = [
        "  ".join(cell.rjust(width) if n and cell[:1].isdigit() else cell.ljust(width)
                  for n, (cell, width) in enumerate(zip(row, widths))).rstrip()
        for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)
