from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=50)

    class Meta:
        permissions = [
            ('view_report', 'Can view the report'),
            ('dotted.code.name', 'A codename with dots'),
            ('prüfen', 'A codename beyond ASCII'),
        ]


class Order(models.Model):
    product = models.ForeignKey(Product, on_delete=models.CASCADE)

    class Meta:
        # The same codename as Product has: Django tells the two not apart.
        permissions = [('view_report', 'Can view the report')]


class Bargain(Product):
    class Meta:
        proxy = True
        permissions = [('haggle', 'Can haggle')]
