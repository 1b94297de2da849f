package ui

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"image/color"
	"math"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// tile is a provider's mark: its brand's colour with two letters.
type tile struct {
	widget.BaseWidget
	state tileState
	size  float32
	rect  *canvas.Rectangle
	text  *canvas.Text
}

func newTile(s tileState, size float32) *tile {
	t := &tile{state: s, size: size}
	t.ExtendBaseWidget(t)
	return t
}

func (t *tile) set(s tileState) {
	if t.state != s {
		t.state = s
		t.Refresh()
	}
}

var monogramSizes = map[float32]float32{20: 10, 24: 11, 32: 13, 40: 16, 56: 22}

func (t *tile) MinSize() fyne.Size { return fyne.NewSquareSize(t.size) }

func (t *tile) CreateRenderer() fyne.WidgetRenderer {
	t.rect = canvas.NewRectangle(color.Transparent)
	t.text = canvas.NewText("", color.Black)
	t.paint()
	return &simple{objects: []fyne.CanvasObject{t.rect, t.text}, min: t.MinSize, layout: t.lay,
		refresh: func() { t.paint(); t.lay(t.Size()); t.rect.Refresh(); t.text.Refresh() }}
}

func (t *tile) lay(fyne.Size) {
	put(t.rect, 0, 0, t.size, t.size)
	h := fyne.MeasureText(t.text.Text, t.text.TextSize, t.text.TextStyle).Height
	put(t.text, 0, (t.size-h)/2-1, t.size, h)
}

func (t *tile) paint() {
	bg, fg := tileColours(t.state)
	t.rect.FillColor, t.rect.CornerRadius = bg, t.size/4
	t.text.Text, t.text.Color = t.state.Monogram, fg
	t.text.TextSize, t.text.TextStyle, t.text.Alignment = monogramSizes[t.size], fyne.TextStyle{Bold: true}, fyne.TextAlignCenter
}

// tileColours follow the row; without a brand the tile is ink2 on leaf. Letters
// without a colour of their own are white where that is legible (4.5:1).
func tileColours(s tileState) (bg, fg color.Color) {
	brand, text := s.Tile.Brand, s.Tile.Text
	if isDark() && s.Tile.BrandDark != "" {
		brand, text = s.Tile.BrandDark, cmp.Or(s.Tile.TextDark, s.Tile.Text)
	}
	b := hexColour(brand)
	if b.A == 0 {
		return paint(colInk2), paint(colLeaf)
	}
	if f := hexColour(text); f.A != 0 {
		return b, f
	}
	if contrast(b, hexColour("#FFFFFF")) >= 4.5 {
		return b, hexColour("#FFFFFF")
	}
	return b, hexColour("#211C16")
}

// avatar is a circle in two flat tones with initials.
type avatar struct {
	widget.BaseWidget
	seed, letters string
	size          float32
	disc          *canvas.Image
	text          *canvas.Text
}

func newAvatar(seed, letters string, size float32) *avatar {
	a := &avatar{seed: seed, letters: letters, size: size}
	a.ExtendBaseWidget(a)
	return a
}

func (a *avatar) set(seed, letters string) {
	if a.seed != seed || a.letters != letters {
		a.seed, a.letters = seed, letters
		a.Refresh()
	}
}

var avatarTones = [6][3]string{
	{"#E9B79B", "#D99A78", "#3A1E10"}, {"#BFD3B0", "#A3BF90", "#1E2E14"}, {"#B6D0DC", "#97BACB", "#12303D"},
	{"#EAD7A8", "#DBC286", "#3A2D08"}, {"#E8BEC4", "#D99FA8", "#431820"}, {"#CDBFDA", "#B5A2C7", "#2C1C3D"},
}

func (a *avatar) tones() [3]string {
	h := fnv.New32a()
	h.Write([]byte(a.seed))
	return avatarTones[h.Sum32()%6]
}

// drawing is the circle with a second one of the same size, shifted by 28 % and
// 50 %, cut to it. Fyne has no clip, so the cut is drawn as a polygon.
func (a *avatar) drawing() fyne.Resource {
	const r, dx, dy = 50.0, 28.0, 50.0
	t := a.tones()
	var points strings.Builder
	around := func(cx, cy float64, inside func(x, y float64) bool, from, step float64) {
		for i := range 180 {
			w := from + step*float64(i)
			x, y := cx+r*math.Cos(w), cy+r*math.Sin(w)
			if inside(x, y) {
				fmt.Fprintf(&points, "%.2f,%.2f ", x, y)
			}
		}
	}
	within := func(cx, cy float64) func(x, y float64) bool {
		return func(x, y float64) bool { return math.Hypot(x-cx, y-cy) <= r }
	}
	// Both walks begin on the far side from the other circle, so that each part
	// comes out as one piece and in order.
	to := math.Atan2(dy, dx)
	around(r, r, within(r+dx, r+dy), to-math.Pi, math.Pi/90)
	around(r+dx, r+dy, within(r, r), to, math.Pi/90)
	svg := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><circle cx="50" cy="50" r="50" fill="%s"/><polygon fill="%s" points="%s"/></svg>`,
		t[0], t[1], points.String())
	return fyne.NewStaticResource("avatar"+t[0]+".svg", []byte(svg))
}

func (a *avatar) MinSize() fyne.Size { return fyne.NewSquareSize(a.size) }

func (a *avatar) CreateRenderer() fyne.WidgetRenderer {
	a.disc = canvas.NewImageFromResource(a.drawing())
	a.text = canvas.NewText("", color.Black)
	a.paint()
	return &simple{objects: []fyne.CanvasObject{a.disc, a.text}, min: a.MinSize, layout: a.lay,
		refresh: func() { a.paint(); a.lay(a.Size()); a.disc.Refresh(); a.text.Refresh() }}
}

func (a *avatar) lay(fyne.Size) {
	put(a.disc, 0, 0, a.size, a.size)
	h := fyne.MeasureText(a.text.Text, a.text.TextSize, a.text.TextStyle).Height
	put(a.text, 0, (a.size-h)/2, a.size, h)
}

func (a *avatar) paint() {
	t := a.tones()
	a.disc.Resource = a.drawing()
	a.text.Text, a.text.Color, a.text.TextSize = a.letters, hexColour(t[2]), a.size*0.36
	a.text.TextStyle, a.text.Alignment = fyne.TextStyle{Bold: true}, fyne.TextAlignCenter
}

// programBox is the sunk square of a local program.
func programBox(icon string, size float32) fyne.CanvasObject {
	p := newPlate(colSunk, colLine, size/4)
	is := float32(20)
	switch {
	case size >= 48:
		is = 24
	case size <= 28:
		is = 16
	}
	g := lineIcon(icon, is, colInk2)
	return placed(size, size, func(fyne.Size) {
		put(p, 0, 0, size, size)
		put(g, (size-is)/2, (size-is)/2, is, is)
	}, p, g)
}

// mark is the D; it has a light and a dark drawing.
func mark(light, dark string, size float32) fyne.CanvasObject {
	m := &markWidget{light: light, dark: dark, size: size}
	m.ExtendBaseWidget(m)
	return m
}

type markWidget struct {
	widget.BaseWidget
	light, dark string
	size        float32
	img         *canvas.Image
}

func (m *markWidget) name() string {
	if isDark() {
		return m.dark
	}
	return m.light
}

func (m *markWidget) MinSize() fyne.Size { return fyne.NewSquareSize(m.size) }

func (m *markWidget) CreateRenderer() fyne.WidgetRenderer {
	m.img = canvas.NewImageFromResource(picture(m.name()))
	m.img.FillMode = canvas.ImageFillContain
	return &simple{objects: []fyne.CanvasObject{m.img}, min: m.MinSize,
		layout: func(s fyne.Size) { put(m.img, 0, 0, s.Width, s.Height) },
		refresh: func() {
			m.img.Resource = picture(m.name())
			m.img.Refresh()
		}}
}

// contrast is the ratio of WCAG 2.1.
func contrast(a, b color.NRGBA) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(c color.NRGBA) float64 {
	lin := func(v uint8) float64 {
		f := float64(v) / 255
		if f <= 0.03928 {
			return f / 12.92
		}
		return math.Pow((f+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(c.R) + 0.7152*lin(c.G) + 0.0722*lin(c.B)
}
