"""Losses: one free function each, giving a total and its named parts."""
