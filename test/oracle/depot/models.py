from django.db import models


class Shelf(models.Model):
    label = models.CharField(max_length=50)

    class Meta:
        # As in shop: the application's label alone tells them apart.
        permissions = [('view_report', 'Can view the report')]
