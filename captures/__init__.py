"""What cameras produce: captures, clips, sessions, experiments and their files, one package for each subject."""
