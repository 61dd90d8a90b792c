package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/sallyport-rpc/sallyport/bench/raw"
	"github.com/sallyport-rpc/sallyport/bench/tables"
)

// A plot is one line over a scale of powers of ten. The vertical scale is of powers of ten
// too where log is true, and begins at 0 where it is not.
type plot struct {
	title, along string
	log          bool
	write        func(float64) string
	points       []point
}

type point struct {
	x float64
	y raw.Spread
}

// plots are what is drawn, by the names of their files.
func (r runs) plots() map[string]plot {
	startup := r.startup.Table("startup")
	return map[string]plot{
		"decision-actions": {"decision “admin or owner”", "actions registered", false, tables.Duration, points(r.inProcess.Table("DecideActions"), raw.Time)},
		"decision-roles":   {"decision “any role”", "roles held", false, tables.Duration, points(r.inProcess.Table("DecideRoles"), raw.Time)},
		"startup-cpu":      {"processor time of registration", "actions registered", true, tables.Duration, points(startup, raw.StartCPU)},
		"startup-memory":   {"memory of the process at peak", "actions registered", true, tables.Mebibytes, points(startup, raw.PeakMemory)},
	}
}

// points are those of rows whose names are numbers.
func points(table raw.Table, measure string) []point {
	var all []point
	for _, row := range table.Rows {
		if x, err := strconv.ParseFloat(row.Name, 64); err == nil && x > 0 && row.Has(measure) {
			all = append(all, point{x, row.Spread(measure)})
		}
	}
	slices.SortFunc(all, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	return all
}

// The sizes of a plot, in pixels.
const (
	left, right, top, bottom = 70.0, 520.0, 40.0, 260.0
	height, width            = 310, 560
)

// A tick is a line of the grid, or a label.
type tick struct {
	At    float64
	Label string
}

type mark struct{ X, Y, Least, Most float64 }

// draw returns the plot as SVG.
func (p plot) draw() (string, error) {
	if len(p.points) == 0 {
		return "", fmt.Errorf("%s over %s has no points", p.title, p.along)
	}
	first, last := math.Log10(p.points[0].x), math.Log10(p.points[len(p.points)-1].x)
	across := func(x float64) float64 {
		return left + (right-left)*(math.Log10(x)-first)/max(last-first, 1)
	}
	up, down := p.vertical()
	data := struct {
		Title, Along             string
		Width, Height            int
		Left, Right, Top, Bottom float64
		Xs, Ys                   []tick
		Marks                    []mark
		Line                     string
	}{Title: p.title, Along: p.along, Width: width, Height: height, Left: left, Right: right, Top: top, Bottom: bottom, Ys: down}
	var line []string
	for _, point := range p.points {
		mark := mark{across(point.x), up(point.y.Median), up(point.y.Least), up(point.y.Most)}
		data.Marks = append(data.Marks, mark)
		data.Xs = append(data.Xs, tick{mark.X, tables.Count(point.x)})
		line = append(line, fmt.Sprintf("%.1f,%.1f", mark.X, mark.Y))
	}
	data.Line = strings.Join(line, " ")
	var drawn strings.Builder
	err := drawing.Execute(&drawn, data)
	return drawn.String(), err
}

// vertical returns where a value is drawn, and the lines of the grid.
func (p plot) vertical() (at func(float64) float64, grid []tick) {
	most := 0.0
	for _, point := range p.points {
		most = max(most, point.y.Most)
	}
	if !p.log {
		step := math.Pow(10, math.Floor(math.Log10(most)))
		ceiling := step * math.Ceil(most/step)
		at = func(y float64) float64 { return bottom - (bottom-top)*y/ceiling }
		for y := 0.0; y <= ceiling; y += ceiling / 4 {
			grid = append(grid, tick{at(y), p.write(y)})
		}
		return at, grid
	}
	least := most
	for _, point := range p.points {
		least = min(least, point.y.Least)
	}
	floor, ceiling := math.Floor(math.Log10(least)), math.Ceil(math.Log10(most))
	at = func(y float64) float64 {
		return bottom - (bottom-top)*(math.Log10(y)-floor)/max(ceiling-floor, 1)
	}
	for power := floor; power <= ceiling; power++ {
		grid = append(grid, tick{at(math.Pow(10, power)), p.write(math.Pow(10, power))})
	}
	return at, grid
}

// drawing draws in colors that can be read on light and on dark pages.
var drawing = template.Must(template.New("plot").Parse(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{.Width}} {{.Height}}" width="{{.Width}}" height="{{.Height}}" role="img" font-family="sans-serif" font-size="12">
<style>
text { fill: #24292f } .grid { stroke: #d0d7de } .data { stroke: #0969da; fill: none; stroke-width: 2 } .mark { fill: #0969da }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .grid { stroke: #30363d } .data { stroke: #58a6ff } .mark { fill: #58a6ff } }
</style>
<title>{{.Title}} over {{.Along}}</title>
<text x="{{.Left}}" y="22" font-size="14">{{.Title}}</text>
{{range .Ys}}<line class="grid" x1="{{$.Left}}" x2="{{$.Right}}" y1="{{printf "%.1f" .At}}" y2="{{printf "%.1f" .At}}"/>
<text x="64" y="{{printf "%.1f" .At}}" dy="4" text-anchor="end">{{.Label}}</text>
{{end}}{{range .Xs}}<text x="{{printf "%.1f" .At}}" y="278" text-anchor="middle">{{.Label}}</text>
{{end}}<text x="295" y="300" text-anchor="middle">{{.Along}}</text>
<polyline class="data" points="{{.Line}}"/>
{{range .Marks}}<line class="data" x1="{{printf "%.1f" .X}}" x2="{{printf "%.1f" .X}}" y1="{{printf "%.1f" .Least}}" y2="{{printf "%.1f" .Most}}"/>
<circle class="mark" cx="{{printf "%.1f" .X}}" cy="{{printf "%.1f" .Y}}" r="3.5"/>
{{end}}</svg>
`))
