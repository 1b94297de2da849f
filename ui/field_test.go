package ui

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"
)

// inkIn reports whether a picture of the window holds anything but its ground
// in a rectangle.
func inkIn(w fyne.Window, x1, y1, x2, y2 int) bool {
	img := w.Canvas().Capture()
	for x := x1; x <= x2; x++ {
		for y := y1; y <= y2; y++ {
			if img.At(x, y) != img.At(x2, y1) {
				return true
			}
		}
	}
	return false
}

func TestLongTextStaysInItsField(t *testing.T) {
	test.NewTempApp(t).Settings().SetTheme(oneTheme{newTheme(), theme.VariantLight})
	for _, e := range []*entry{newEntry("open"), secretEntry("hidden")} {
		f := field(e)
		box := placed(400, 100, func(fyne.Size) { put(f, 20, 40, 200, 36) }, f)
		w := test.NewTempWindow(t, box)
		w.Resize(fyne.NewSize(400, 100))
		e.SetText(strings.Repeat("battery staple ", 20))
		for range 2 {
			if inkIn(w, 226, 40, 390, 76) {
				t.Errorf("%s runs out of its field; focused: %v", e.name, e.focused)
			}
			w.Canvas().Focus(e)
			e.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEnd})
		}
	}
}

func TestFocusedFieldHasACaret(t *testing.T) {
	test.NewTempApp(t).Settings().SetTheme(oneTheme{newTheme(), theme.VariantLight})
	e := newEntry("x")
	w := test.NewTempWindow(t, field(e))
	w.SetPadded(false)
	w.Resize(fyne.NewSize(200, 36))
	w.Canvas().Focus(e)
	img := w.Canvas().Capture()
	for x := 6; x < 40; x++ {
		if img.At(x, 18) != img.At(60, 18) {
			return
		}
	}
	t.Error("there is no caret to be seen")
}
