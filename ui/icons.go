package ui

import (
	"embed"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

//go:embed icons
var iconFiles embed.FS

// picture reads an embedded file. A name that is not there is a fault of ours,
// which every view test would show.
func picture(name string) fyne.Resource {
	data, err := iconFiles.ReadFile("icons/" + name)
	if err != nil {
		panic(err)
	}
	return fyne.NewStaticResource(name, data)
}

// glyph is an icon in a token's colour. It follows the theme.
type glyph struct {
	widget.BaseWidget
	name string // "line/copy.svg"
	col  fyne.ThemeColorName
	size float32
	img  *canvas.Image
}

// lineIcon is one of the line icons.
func lineIcon(name string, size float32, col fyne.ThemeColorName) *glyph {
	return newGlyph("line/"+name+".svg", size, col)
}

// statusGlyph is the 16 px shape of a status.
func statusGlyph(s glyphName) *glyph {
	return newGlyph("status/"+string(s)+".svg", 16, glyphColour[s])
}

func newGlyph(name string, size float32, col fyne.ThemeColorName) *glyph {
	g := &glyph{name: name, col: col, size: size}
	g.ExtendBaseWidget(g)
	return g
}

var glyphColour = map[glyphName]fyne.ThemeColorName{
	glyphOK: colOK, glyphExpiring: colInk2, glyphRefreshing: colInk2, glyphOffline: colOffline,
	glyphAttention: colAttention, glyphRevoking: colOffline, glyphDanger: colDanger, glyphLocked: colInk2,
}

func (g *glyph) set(name string, col fyne.ThemeColorName) {
	if g.name == name && g.col == col {
		return
	}
	g.name, g.col = name, col
	g.Refresh()
}

func (g *glyph) setStatus(s glyphName) { g.set("status/"+string(s)+".svg", glyphColour[s]) }

func (g *glyph) resource() fyne.Resource { return theme.NewColoredResource(picture(g.name), g.col) }

func (g *glyph) MinSize() fyne.Size { return fyne.NewSquareSize(g.size) }

func (g *glyph) CreateRenderer() fyne.WidgetRenderer {
	g.img = canvas.NewImageFromResource(g.resource())
	g.img.FillMode = canvas.ImageFillContain
	return &simple{objects: []fyne.CanvasObject{g.img}, min: g.MinSize,
		layout: func(s fyne.Size) { put(g.img, (s.Width-g.size)/2, (s.Height-g.size)/2, g.size, g.size) },
		refresh: func() {
			g.img.Resource = g.resource()
			g.img.Refresh()
		}}
}
