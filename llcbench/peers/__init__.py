"""Speed of other packages and of ours on identical work, and accuracy of both set side by side."""
