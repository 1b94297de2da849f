package ui

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/software"
)

// trayPicture is the icon as a PNG of 44 px. With several problems their number
// stands in place of the "!".
func trayPicture(icon trayIcon, problems int) fyne.Resource {
	drawn := picture("tray/" + string(icon) + ".png")
	if icon != trayAttention || problems < 2 {
		return drawn
	}
	words := "9+"
	if problems <= 9 {
		words = strconv.Itoa(problems)
	}
	if data, err := numbered44(drawn.Content(), words); err == nil {
		return fyne.NewStaticResource(fmt.Sprintf("tray-%s.png", words), data)
	}
	return drawn
}

// numbered44 draws words into the frame of a tray icon.
func numbered44(frame []byte, words string) ([]byte, error) {
	src, err := png.Decode(bytes.NewReader(frame))
	if err != nil {
		return nil, err
	}
	out := image.NewNRGBA(image.Rect(0, 0, 44, 44))
	draw.Draw(out, out.Bounds(), src, src.Bounds().Min, draw.Src)
	tone := out.At(8, 18)
	draw.Draw(out, image.Rect(19, 9, 27, 30), image.Transparent, image.Point{}, draw.Src) // the "!"
	text := canvas.NewText(words, tone)
	text.TextSize, text.TextStyle, text.Alignment = 20, fyne.TextStyle{Bold: true}, fyne.TextAlignCenter
	if len(words) > 1 {
		text.TextSize = 15
	}
	c := software.NewTransparentCanvas()
	c.SetPadded(false)
	c.SetContent(container.NewWithoutLayout(text))
	c.Resize(fyne.NewSize(44, 44))
	high := text.MinSize().Height
	put(text, 12, 17.5-high/2, 23, high)
	draw.Draw(out, out.Bounds(), c.Capture(), image.Point{}, draw.Over)
	var data bytes.Buffer
	err = png.Encode(&data, out)
	return data.Bytes(), err
}
