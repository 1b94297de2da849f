package ui

import (
	"image/color"
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// The colour tokens. Views name these and never write a colour value.
const (
	colRail          fyne.ThemeColorName = "rail"
	colPage          fyne.ThemeColorName = "page"
	colLeaf          fyne.ThemeColorName = "leaf"
	colLeafHover     fyne.ThemeColorName = "leafHover"
	colLeafPress     fyne.ThemeColorName = "leafPress"
	colSunk          fyne.ThemeColorName = "sunk"
	colLine          fyne.ThemeColorName = "line"
	colEdge          fyne.ThemeColorName = "edge"
	colInk           fyne.ThemeColorName = "ink"
	colInk2          fyne.ThemeColorName = "ink2"
	colInk3          fyne.ThemeColorName = "ink3"
	colAccent        fyne.ThemeColorName = "accent"
	colAccentHover   fyne.ThemeColorName = "accentHover"
	colAccentPress   fyne.ThemeColorName = "accentPress"
	colAccentSoft    fyne.ThemeColorName = "accentSoft"
	colOnAccent      fyne.ThemeColorName = "onAccent"
	colOK            fyne.ThemeColorName = "ok"
	colAttention     fyne.ThemeColorName = "attention"
	colAttentionSoft fyne.ThemeColorName = "attentionSoft"
	colDanger        fyne.ThemeColorName = "danger"
	colDangerSoft    fyne.ThemeColorName = "dangerSoft"
	colOffline       fyne.ThemeColorName = "offline"
	colShadow        fyne.ThemeColorName = "shadow"
	colCover         fyne.ThemeColorName = "cover"     // the booklet's cover at a first start
	colCoverInk      fyne.ThemeColorName = "coverInk"  // its title
	colCoverInk2     fyne.ThemeColorName = "coverInk2" // its lines
	colCoverLine     fyne.ThemeColorName = "coverLine"
	colNone          fyne.ThemeColorName = "none"
)

// tokens holds light and dark.
var tokens = map[fyne.ThemeColorName][2]string{
	colRail: {"#F1ECE2", "#141210"}, colPage: {"#FAF7F1", "#1A1815"},
	colLeaf: {"#FFFFFF", "#24211D"}, colLeafHover: {"#F8F5EF", "#2D2A25"}, colLeafPress: {"#EFEAE0", "#36322C"},
	colSunk: {"#F6F2E9", "#1F1C19"}, colLine: {"#E3DCCF", "#38332C"}, colEdge: {"#665E50", "#9A9283"},
	colInk: {"#211C16", "#F3EFE7"}, colInk2: {"#5A5246", "#C2BAAB"}, colInk3: {"#6F6759", "#A39B8C"},
	colAccent: {"#0E6B62", "#66CBBB"}, colAccentHover: {"#0A5850", "#80D8CA"}, colAccentPress: {"#08463F", "#4FB5A5"},
	colAccentSoft: {"#DCEDE9", "#193631"}, colOnAccent: {"#FFFFFF", "#08221F"},
	colOK:        {"#2E7434", "#8FCB86"},
	colAttention: {"#8A5600", "#EDB75B"}, colAttentionSoft: {"#FBECCD", "#3B2E13"},
	colDanger: {"#B2281C", "#FF9D8E"}, colDangerSoft: {"#FAE4DF", "#45231D"},
	colOffline: {"#56606C", "#AEB7C1"},
	colShadow:  {"#211C161F", "#00000066"},
	colCover:   {"#0E6B62", "#193631"}, colCoverInk: {"#FFFFFF", "#F3EFE7"}, colCoverInk2: {"#DCEDE9", "#C2BAAB"},
	colCoverLine: {"#FFFFFF66", "#66CBBB66"}, colNone: {"#00000000", "#00000000"},

	theme.ColorNameHover:               {"#211C160D", "#F3EFE70F"},
	theme.ColorNamePressed:             {"#211C161A", "#F3EFE71F"},
	theme.ColorNameFocus:               {"#0E6B6240", "#66CBBB40"},
	theme.ColorNameScrollBar:           {"#665E5099", "#9A928399"},
	theme.ColorNameScrollBarBackground: {"#00000000", "#00000000"},
}

// stock says which token Fyne's own widgets take.
var stock = map[fyne.ThemeColorName]fyne.ThemeColorName{
	theme.ColorNameBackground:          colPage,
	theme.ColorNameButton:              colLeaf,
	theme.ColorNameDisabledButton:      colSunk,
	theme.ColorNameDisabled:            colInk3,
	theme.ColorNameError:               colDanger,
	theme.ColorNameForeground:          colInk,
	theme.ColorNameForegroundOnError:   colOnAccent,
	theme.ColorNameForegroundOnPrimary: colOnAccent,
	theme.ColorNameForegroundOnSuccess: colOnAccent,
	theme.ColorNameForegroundOnWarning: colOnAccent,
	theme.ColorNameHeaderBackground:    colRail,
	theme.ColorNameHyperlink:           colAccent,
	theme.ColorNameInputBackground:     colLeaf,
	theme.ColorNameInputBorder:         colEdge,
	theme.ColorNameMenuBackground:      colLeaf,
	theme.ColorNameOverlayBackground:   colLeaf,
	theme.ColorNamePlaceHolder:         colInk3,
	theme.ColorNamePrimary:             colAccent,
	theme.ColorNameSelection:           colAccentSoft,
	theme.ColorNameSeparator:           colLine,
	theme.ColorNameSuccess:             colOK,
	theme.ColorNameWarning:             colAttention,
}

var sizes = map[fyne.ThemeSizeName]float32{
	theme.SizeNameText:               14,
	theme.SizeNameCaptionText:        12,
	theme.SizeNameSubHeadingText:     18,
	theme.SizeNameHeadingText:        24,
	theme.SizeNameInlineIcon:         20,
	theme.SizeNamePadding:            4,
	theme.SizeNameInnerPadding:       8,
	theme.SizeNameLineSpacing:        4,
	theme.SizeNameSeparatorThickness: 1,
	theme.SizeNameInputBorder:        1,
	theme.SizeNameInputRadius:        8,
	theme.SizeNameSelectionRadius:    8,
	theme.SizeNameScrollBar:          12,
	theme.SizeNameScrollBarSmall:     4,
	theme.SizeNameScrollBarRadius:    4,
}

// cardTheme answers the colour tokens beside Fyne's own names.
type cardTheme struct{ fyne.Theme }

func newTheme() fyne.Theme { return cardTheme{theme.DefaultTheme()} }

func (t cardTheme) Color(name fyne.ThemeColorName, variant fyne.ThemeVariant) color.Color {
	if own, ok := stock[name]; ok {
		name = own
	}
	pair, ok := tokens[name]
	if !ok {
		return t.Theme.Color(name, variant)
	}
	if variant == theme.VariantDark {
		return hexColour(pair[1])
	}
	return hexColour(pair[0])
}

func (t cardTheme) Size(name fyne.ThemeSizeName) float32 {
	if s, ok := sizes[name]; ok {
		return s
	}
	return t.Theme.Size(name)
}

// paint is a token's colour in the present theme.
func paint(name fyne.ThemeColorName) color.Color {
	s := fyne.CurrentApp().Settings()
	return s.Theme().Color(name, s.ThemeVariant())
}

// isDark asks the theme, not the desktop: a theme may be of one kind only.
func isDark() bool {
	r, _, _, _ := paint(colPage).RGBA()
	return r < 0x8000
}

// hexColour reads #RRGGBB or #RRGGBBAA; anything else is transparent.
func hexColour(s string) color.NRGBA {
	if len(s) == 7 {
		s += "FF"
	}
	if len(s) != 9 || s[0] != '#' {
		return color.NRGBA{}
	}
	v, err := strconv.ParseUint(s[1:], 16, 32)
	if err != nil {
		return color.NRGBA{}
	}
	return color.NRGBA{R: uint8(v >> 24), G: uint8(v >> 16), B: uint8(v >> 8), A: uint8(v)}
}

// fieldTheme is for an entry whose ground and border are drawn around it. Text
// that is too long scrolls sideways, without a bar or shadows.
type fieldTheme struct{ fyne.Theme }

func (t fieldTheme) Color(name fyne.ThemeColorName, variant fyne.ThemeVariant) color.Color {
	if name == theme.ColorNameShadow {
		return color.Transparent
	}
	return t.Theme.Color(name, variant)
}

func (t fieldTheme) Size(name fyne.ThemeSizeName) float32 {
	switch name {
	case theme.SizeNameInputBorder:
		return 2 // the width of the caret
	case theme.SizeNameScrollBar, theme.SizeNameScrollBarSmall:
		return 0
	}
	return t.Theme.Size(name)
}

// calmTheme is for a list whose rows draw their own states.
type calmTheme struct{ fyne.Theme }

func (t calmTheme) Color(name fyne.ThemeColorName, variant fyne.ThemeVariant) color.Color {
	switch name {
	case theme.ColorNameHover, theme.ColorNameSelection, theme.ColorNameFocus:
		return color.Transparent
	}
	return t.Theme.Color(name, variant)
}
