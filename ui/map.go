package ui

import (
	"bytes"
	"encoding/json"
	"os"
	"sync"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// The window's map: where things can be clicked, for accessibility tools that
// Fyne gives no other way in, and for our own end-to-end tests.
//
// If DANCECARD_UI_MAP names a file, it holds a JSON array, replaced as a whole
// (write and rename) within a fifth of a second of every change:
//
//	[{"window": "Dancecard", "kind": "button", "label": "Connect",
//	  "x": 756, "y": 26, "width": 120, "height": 36, "enabled": true, "focused": false}, ...]
//
// The rectangle is in pixels from the window's top left corner. Kinds are
// button, entry (its label, never what it holds), card, check, choice (a line of an
// open menu), heading and text (both to read, not to click). Things that are hidden or scrolled out of the
// window are left out.
const mapVariable = "DANCECARD_UI_MAP"

type mapItem struct {
	Window  string `json:"window"`
	Kind    string `json:"kind"`
	Label   string `json:"label"`
	X       int    `json:"x"`
	Y       int    `json:"y"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Enabled bool   `json:"enabled"`
	Focused bool   `json:"focused"`
}

// mappable is a widget of ours that knows its name.
type mappable interface {
	fyne.CanvasObject
	mapEntry() (kind, label string, enabled bool)
}

var (
	mapFile  = os.Getenv(mapVariable)
	mapMu    sync.Mutex
	mapOrder []mappable // as they were made
)

func mapped(m mappable) {
	if mapFile == "" {
		return
	}
	mapMu.Lock()
	defer mapMu.Unlock()
	mapOrder = append(mapOrder, m)
}

func unmapped(m mappable) {
	if mapFile == "" {
		return
	}
	mapMu.Lock()
	defer mapMu.Unlock()
	for i, o := range mapOrder {
		if o == m {
			mapOrder = append(mapOrder[:i], mapOrder[i+1:]...)
			return
		}
	}
}

// drawMap looks at what is on screen. Main thread only.
func drawMap(windows []fyne.Window) []mapItem {
	mapMu.Lock()
	all := append([]mappable(nil), mapOrder...)
	mapMu.Unlock()
	drv := fyne.CurrentApp().Driver()
	items := []mapItem{}
	seen := map[mappable]bool{}
	for _, w := range windows {
		c := w.Canvas()
		around := scrolls(c.Content(), nil, map[fyne.CanvasObject]*container.Scroll{})
		for _, m := range all {
			if seen[m] || !m.Visible() || drv.CanvasForObject(m) != c {
				continue
			}
			p, size := drv.AbsolutePositionForObject(m), m.Size()
			middle := p.AddXY(size.Width/2, size.Height/2)
			if s := around[m]; s != nil {
				if top := drv.AbsolutePositionForObject(s).Y; middle.Y < top || middle.Y > top+s.Size().Height {
					continue
				}
			}
			if p.IsZero() || middle.X > c.Size().Width || middle.Y > c.Size().Height || middle.Y < 0 {
				continue
			}
			kind, label, enabled := m.mapEntry()
			if label == "" {
				continue
			}
			seen[m] = true
			k := c.Scale()
			items = append(items, mapItem{Window: w.Title(), Kind: kind, Label: label, X: int(p.X * k), Y: int(p.Y * k),
				Width: int(size.Width * k), Height: int(size.Height * k), Enabled: enabled, Focused: c.Focused() == any(m)})
		}
	}
	return items
}

// scrolls finds the innermost scroll around each object.
func scrolls(o fyne.CanvasObject, around *container.Scroll, out map[fyne.CanvasObject]*container.Scroll) map[fyne.CanvasObject]*container.Scroll {
	if around != nil {
		out[o] = around
	}
	if s, ok := o.(*container.Scroll); ok {
		around = s
	}
	for _, child := range inside(o) {
		scrolls(child, around, out)
	}
	return out
}

// mapMenu adds the lines of the menu that is open.
func (u *UI) mapMenu(items []mapItem) []mapItem {
	if !u.visible || u.menu == nil || !u.menu.Visible() {
		return items
	}
	k := u.win.w.Canvas().Scale()
	for i, o := range u.menu.Items {
		if i >= len(u.menuLabels) || u.menuLabels[i] == "" {
			continue // a separator
		}
		p, size := fyne.CurrentApp().Driver().AbsolutePositionForObject(o), o.Size()
		items = append(items, mapItem{Window: u.win.w.Title(), Kind: "choice", Label: u.menuLabels[i], X: int(p.X * k), Y: int(p.Y * k),
			Width: int(size.Width * k), Height: int(size.Height * k), Enabled: true})
	}
	return items
}

// keepMap writes the map until the UI ends.
func (u *UI) keepMap() {
	var last []byte
	for {
		select {
		case <-u.ctx.Done():
			return
		case <-time.After(150 * time.Millisecond):
		}
		drawn := make(chan []byte, 1)
		fyne.Do(func() {
			if u.ctx.Err() != nil {
				return
			}
			data, _ := json.Marshal(u.mapMenu(drawMap(u.seen())))
			drawn <- data
		})
		select {
		case <-u.ctx.Done():
			return
		case data := <-drawn:
			if bytes.Equal(data, last) {
				continue
			}
			if os.WriteFile(mapFile+".new", data, 0o600) == nil && os.Rename(mapFile+".new", mapFile) == nil {
				last = data
			}
		}
	}
}
