package ui

import (
	"image"
	"image/color"
	"image/draw"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"

	"github.com/boombuler/barcode/qr"
)

// qrCode is an address for a phone: dark on white whatever the theme, with its
// quiet zone. Modules are whole device pixels at scale 1 and 2.
type qrCode struct {
	widget.BaseWidget
	modules *image.NRGBA
	pixels  float32 // of one module
	paper   *canvas.Rectangle
	picture *canvas.Image
}

// The measures of a QR code: the room for its modules, and the white around
// them where that is more than four modules.
const (
	qrRoom  = 112
	qrQuiet = 10
)

// newQR draws text; nil if it is too long for a code.
func newQR(text string) *qrCode {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil
	}
	n := code.Bounds().Dx()
	q := &qrCode{modules: image.NewNRGBA(image.Rect(0, 0, n, n)), pixels: max(2, float32(qrRoom/n))}
	draw.Draw(q.modules, q.modules.Bounds(), code, code.Bounds().Min, draw.Src)
	q.ExtendBaseWidget(q)
	return q
}

// side is the code's edge with its quiet zone.
func (q *qrCode) side() float32 { return float32(q.modules.Bounds().Dx())*q.pixels + 2*q.quiet() }

func (q *qrCode) quiet() float32 { return max(qrQuiet, 4*q.pixels) }

func (q *qrCode) MinSize() fyne.Size { return fyne.NewSquareSize(q.side()) }

func (q *qrCode) CreateRenderer() fyne.WidgetRenderer {
	q.paper = canvas.NewRectangle(color.White)
	q.paper.CornerRadius = 8
	q.picture = canvas.NewImageFromImage(q.modules)
	q.picture.ScaleMode = canvas.ImageScalePixels
	mapped(q)
	return &simple{objects: []fyne.CanvasObject{q.paper, q.picture}, min: q.MinSize, destroy: func() { unmapped(q) },
		layout: func(fyne.Size) {
			put(q.paper, 0, 0, q.side(), q.side())
			n := q.side() - 2*q.quiet()
			put(q.picture, q.quiet(), q.quiet(), n, n)
		}}
}

func (q *qrCode) mapEntry() (string, string, bool) { return "text", "QR code", true }
