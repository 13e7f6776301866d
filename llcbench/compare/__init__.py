"""Entries against each other, from run records alone: leaderboard, pairs, profiles, windows."""

from llcbench.compare.board import Board as Board
from llcbench.compare.board import leaderboard as leaderboard
from llcbench.compare.pairwise import compare as compare
