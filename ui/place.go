package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/widget"
)

// simple is a renderer made of functions.
type simple struct {
	objects []fyne.CanvasObject
	min     func() fyne.Size
	layout  func(fyne.Size)
	refresh func()
	destroy func()
}

func (r *simple) Objects() []fyne.CanvasObject { return r.objects }
func (r *simple) MinSize() fyne.Size           { return r.min() }
func (r *simple) Layout(s fyne.Size)           { r.layout(s) }
func (r *simple) Refresh() {
	if r.refresh != nil {
		r.refresh()
	}
}

func (r *simple) Destroy() {
	if r.destroy != nil {
		r.destroy()
	}
}

// placer is a layout by measures: lay puts every object where it belongs.
type placer struct {
	min func() fyne.Size
	lay func(fyne.Size)
}

func (p placer) MinSize([]fyne.CanvasObject) fyne.Size        { return p.min() }
func (p placer) Layout(_ []fyne.CanvasObject, size fyne.Size) { p.lay(size) }

// placed is a container whose objects lay puts where they belong.
func placed(w, h float32, lay func(fyne.Size), objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(placer{func() fyne.Size { return fyne.NewSize(w, h) }, lay}, objects...)
}

func put(o fyne.CanvasObject, x, y, w, h float32) {
	o.Resize(fyne.NewSize(w, h))
	o.Move(fyne.NewPos(x, y))
}

// putMin gives an object its least size.
func putMin(o fyne.CanvasObject, x, y float32) {
	s := o.MinSize()
	put(o, x, y, s.Width, s.Height)
}

// centred puts an object of its least height at x, in the middle of a row.
func centred(o fyne.CanvasObject, x, top, height float32) {
	s := o.MinSize()
	put(o, x, top+(height-s.Height)/2, s.Width, s.Height)
}

func rows(gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(layout.NewCustomPaddedVBoxLayout(gap), objects...)
}

// column is like rows, but text takes the lines that it needs, not those that it
// may take. It is never narrower than least.
func column(least, gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(columnLayout{least, gap}, objects...)
}

type columnLayout struct{ least, gap float32 }

func (columnLayout) height(o fyne.CanvasObject, width float32) float32 {
	if p, ok := o.(*para); ok {
		return p.heightFor(width)
	}
	return o.MinSize().Height
}

// Layout implements fyne.Layout.
func (c columnLayout) Layout(objects []fyne.CanvasObject, s fyne.Size) {
	y := float32(0)
	for _, o := range objects {
		h := c.height(o, s.Width)
		put(o, 0, y, s.Width, h)
		y += h + c.gap
	}
}

// MinSize implements fyne.Layout.
func (c columnLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	size := fyne.NewSize(0, -c.gap)
	for _, o := range objects {
		size = fyne.NewSize(max(size.Width, o.MinSize().Width), size.Height+c.height(o, c.least)+c.gap)
	}
	return size.Max(fyne.Size{})
}

func line(gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(layout.NewCustomPaddedHBoxLayout(gap), objects...)
}

func padded(top, bottom, left, right float32, o fyne.CanvasObject) *fyne.Container {
	return container.New(layout.NewCustomPaddedLayout(top, bottom, left, right), o)
}

// gap is empty room.
func gap(w, h float32) fyne.CanvasObject {
	return placed(w, h, func(fyne.Size) {})
}

// module is a card that holds content: 16 at the sides, 12 above and below.
func module(content fyne.CanvasObject) *fyne.Container {
	return container.NewStack(newPlate(colLeaf, colLine, 12), padded(12, 12, 16, 16, content))
}

// note is a quiet strip on sunk ground: an icon and a sentence.
func note(icon, text string) fyne.CanvasObject {
	g := lineIcon(icon, 20, colInk2)
	w := newPara(text, 2, styleCaption, colInk2)
	p := newPlate(colSunk, colNone, 8)
	return placed(120, 48, func(s fyne.Size) {
		put(p, 0, 0, s.Width, s.Height)
		centred(g, 16, 0, s.Height)
		h := w.heightFor(s.Width - 48 - 16)
		put(w, 48, (s.Height-h)/2, s.Width-48-16, h)
	}, p, g, w)
}

// plate is a ground: a rectangle in tokens' colours.
type plate struct {
	widget.BaseWidget
	fill, stroke fyne.ThemeColorName
	width        float32
	radius       [4]float32 // top left, top right, bottom right, bottom left
	shadow       bool
	rect         *canvas.Rectangle
}

func newPlate(fill, stroke fyne.ThemeColorName, radius float32) *plate {
	p := &plate{fill: fill, stroke: stroke, width: 1, radius: [4]float32{radius, radius, radius, radius}}
	p.ExtendBaseWidget(p)
	return p
}

func (p *plate) MinSize() fyne.Size { return fyne.Size{} }

func (p *plate) paint(fill, stroke fyne.ThemeColorName, width float32) {
	if p.fill == fill && p.stroke == stroke && p.width == width {
		return
	}
	p.fill, p.stroke, p.width = fill, stroke, width
	p.Refresh()
}

func (p *plate) CreateRenderer() fyne.WidgetRenderer {
	p.rect = canvas.NewRectangle(paint(p.fill))
	p.colour()
	return &simple{objects: []fyne.CanvasObject{p.rect}, min: p.MinSize,
		layout:  func(s fyne.Size) { put(p.rect, 0, 0, s.Width, s.Height) },
		refresh: func() { p.colour(); p.rect.Refresh() }}
}

func (p *plate) colour() {
	r := p.rect
	r.FillColor = paint(p.fill)
	r.StrokeWidth = 0
	if p.stroke != colNone {
		r.StrokeColor, r.StrokeWidth = paint(p.stroke), p.width
	}
	r.TopLeftCornerRadius, r.TopRightCornerRadius = p.radius[0], p.radius[1]
	r.BottomRightCornerRadius, r.BottomLeftCornerRadius = p.radius[2], p.radius[3]
	if p.shadow {
		r.Shadow = canvas.Shadow{Color: paint(colShadow), BlurRadius: 24, Offset: fyne.NewPos(0, 8)}
	}
}

// hairline is a straight line of one pixel (or w by h).
func hairline() *plate { return newPlate(colLine, colNone, 0) }
