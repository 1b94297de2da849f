package main

import (
	_ "embed"

	"fyne.io/fyne/v2"
	"github.com/pelletier/go-toml/v2"
)

//go:embed FyneApp.toml
var fyneApp []byte

//go:embed Icon.png
var icon []byte

// metadata is FyneApp.toml, built in: a program that is started from anywhere
// does not find the file.
func metadata() fyne.AppMetadata {
	var file struct {
		Details struct {
			Name, ID, Version string
			Build             int
		}
	}
	if err := toml.Unmarshal(fyneApp, &file); err != nil {
		panic("FyneApp.toml: " + err.Error())
	}
	d := file.Details
	return fyne.AppMetadata{ID: d.ID, Name: d.Name, Version: d.Version, Build: d.Build, Icon: fyne.NewStaticResource("Icon.png", icon)}
}
